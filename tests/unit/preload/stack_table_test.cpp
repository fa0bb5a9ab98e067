// SPDX-License-Identifier: Apache-2.0
// What the library enters, leakgate reads: both halves over one memory file.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <random>
#include <tuple>

#include "adapters/preload/state.h"
#include "harness/capture/preload/stack_ids.h"

namespace leakgate::preload {

// the library's, in threads.cpp
State g;
__thread Thread* own_thread __attribute__((tls_model("initial-exec")));

namespace {

using Path = std::vector<u64>;  // outermost frame first

class StackTable : public testing::Test {
 protected:
  void SetUp() override {
    auto made = capture::SharedFile::make();
    ASSERT_TRUE(made) << made.error().message;
    file_ = std::make_shared<capture::SharedFile>(std::move(*made));
    const std::string name = file_->name();
    const int fd = std::atoi(name.c_str() + name.find('/') + 1);
    void* const at =
        ::mmap(nullptr, kRegionBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, kRegionsAt);
    ASSERT_NE(at, MAP_FAILED);
    g = {};
    g.header = &file_->header();
    g.process = &file_->process(0);
    g.region_bytes = static_cast<u8*>(at);
    g.region = static_cast<Region*>(at);
  }
  void TearDown() override { ::munmap(g.region_bytes, kRegionBytes); }

  /// Enters a walk: its first `joined` frames are those of the walk before.
  u32 enter(const Path& path, std::size_t joined = 0, StackEnd end = {LG_FN_malloc, 0, 0}) {
    for (std::size_t i = joined; i < path.size(); ++i) {
      walk_[i] = {};
      walk_[i].frame = path[i];
    }
    return stack_of({walk_, static_cast<u32>(joined), static_cast<u32>(path.size())}, end).id;
  }

  /// What leakgate reads; a frame of 0, which no stack has: it cannot be read.
  Path read(u32 stack) {
    capture::StackIds ids(file_);
    const auto row = ids.row(ids.id(0, stack));
    if (!row || ids.damaged() != 0) return {0};
    return {row->frames.rbegin(), row->frames.rend()};
  }

  u64 lost() const { return g.header->lost[LG_LOST_stack_table_full]; }

  std::shared_ptr<capture::SharedFile> file_;
  FrameState walk_[LG_MAX_FRAMES] = {};
};

TEST_F(StackTable, APathIsOneStackAndIsReadAsItWasEntered) {
  const u32 id = enter({0x10, 0x20, 0x30});
  ASSERT_NE(id, 0u);
  EXPECT_EQ(enter({0x10, 0x20, 0x30}), id);
  EXPECT_NE(enter({0x10, 0x20, 0x31}), id);
  EXPECT_NE(enter({0x10, 0x20}), id);
  EXPECT_EQ(read(id), (Path{0x10, 0x20, 0x30}));
}

/// Of a process that ends with many stacks they are read from a view of its region, which goes.
TEST_F(StackTable, StacksAreKeptWhenTheRegionGoes) {
  constexpr u64 kStacks = 1000;
  capture::StackIds few(file_), many(file_);
  for (u64 i = 1; i <= kStacks; ++i) {
    const u32 id = enter({0x10, 0x20 + i, 0x30});
    stack_slot(id)->stack.function = LG_FN_malloc;
    stack_slot(id)->stack.allocations = i;
    (void)many.id(0, id);
    if (i <= 2) (void)few.id(0, id);
  }
  few.keep(0);
  many.keep(0);
  file_->drop(0);
  const auto expect_row = [](const capture::StackIds& ids, u32 id) {
    const auto row = ids.row(id);
    ASSERT_TRUE(row);
    EXPECT_EQ(Path(row->frames.begin(), row->frames.end()), (Path{0x30, 0x20 + id, 0x10}));
    EXPECT_EQ(row->counters.allocations, id);
  };
  for (u32 id = 1; id <= kStacks; ++id)
    expect_row(many, id);
  expect_row(few, 1);
  expect_row(few, 2);
  EXPECT_EQ(many.damaged() + few.damaged(), 0u);
}

/// Whoever writes to the memory file could else take from under leakgate what it looks at.
TEST_F(StackTable, TheMemoryFileCannotBeMadeSmaller) {
  const std::string name = file_->name();
  const int fd = std::atoi(name.c_str() + name.find('/') + 1);
  EXPECT_NE(::ftruncate(fd, 4096), 0);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(StackTable, WhatItEndsInIsPartOfAStack) {
  const Path path = {0x10, 0x20};
  const u32 id = enter(path);
  EXPECT_NE(enter(path, 0, {LG_FN_calloc, 0, 0}), id);
  EXPECT_NE(enter(path, 0, {LG_FN_malloc, LG_TRUNCATED_DEPTH, 0}), id);
  EXPECT_NE(enter(path, 0, {LG_FN_malloc, 0, 7}), id);
  EXPECT_EQ(enter(path), id);
}

TEST_F(StackTable, FramesThatAreNotToldAreNone) {
  const u32 id = enter({0x10, 0, 0x30});
  EXPECT_EQ(read(id), (Path{0x10, 0x30}));
  EXPECT_EQ(enter({0x10, 0x30}), id);
  const u32 bare = enter({0, 0});
  ASSERT_NE(bare, 0u);
  EXPECT_EQ(enter({}), bare);
  EXPECT_EQ(read(bare), Path());
  EXPECT_EQ(lost(), 0u);
}

/// As a walk finds them, which asks for the place of the stack before it has put them in order.
TEST_F(StackTable, APathsHashCanBeMadeFromTheInnermostFrameOn) {
  const Path path = {0x10, 0x20, 0x30, 0x40};
  enter(path);
  u64 hash = 0, base = 1;
  for (std::size_t i = path.size(); i-- > 2;) {
    hash += frame_hash(path[i]) * base;
    base *= kPathBase;
  }
  EXPECT_EQ(walk_[1].hash * base + hash, walk_[3].hash);
}

/// The frame with this frame_hash(), which can be turned back.
u64 frame_with_hash(u64 hash) {
  constexpr u64 kMultiplier = 0xbf58476d1ce4e5b9ull;
  u64 inverse = kMultiplier;  // modulo 2^64, each turn has twice as many bits right
  for (int turn = 0; turn < 6; ++turn)
    inverse *= 2 - kMultiplier * inverse;
  const u64 frame = (hash ^ hash >> 32) * inverse;
  EXPECT_EQ(frame_hash(frame), hash);
  return frame;
}

/// A path's hash is multiplied before the next frame's is added: frames can be chosen so that two paths have
/// the same.
TEST_F(StackTable, PathsOfOneHashAreToldApartByTheirFrames) {
  enter({0x10});
  const u64 first = walk_[0].hash;
  enter({0x20});
  const u64 second = walk_[0].hash;
  const u64 frame = frame_with_hash(frame_hash(0x1234) + (first - second) * kPathBase);
  const Path one = {0x10, 0x1234, 0x77}, other = {0x20, frame, 0x77};
  const u32 id = enter(one);
  const u64 hash = walk_[2].hash;
  const u32 other_id = enter(other);
  ASSERT_EQ(walk_[2].hash, hash) << "then this tests nothing";
  EXPECT_NE(other_id, id);
  EXPECT_EQ(enter(one), id);
  EXPECT_EQ(enter(other), other_id);
  EXPECT_EQ(read(id), one);
  EXPECT_EQ(read(other_id), other);
}

TEST_F(StackTable, APathAndWhatItBeginsWithAreToldApartByTheirLength) {
  enter({0x10}, 0, {LG_FN_calloc, 0, 0});  // for the hash alone: it does not depend on the function
  const u64 hash = walk_[0].hash;
  const Path longer = {0x10, frame_with_hash(hash - hash * kPathBase)};
  const u32 id = enter(longer);
  ASSERT_EQ(walk_[1].hash, hash) << "then this tests nothing";
  EXPECT_NE(enter({0x10}), id);
  EXPECT_EQ(enter(longer), id);
}

TEST_F(StackTable, FramesAreSharedWithTheStackThatHasThem) {
  const u32 id = enter({1, 2, 3});
  enter({1, 2, 4}, 2);
  enter({1, 2, 4});  // a walk that joined nothing: all its frames are known from the second stack
  const u32 other = enter({1, 9}, 1);
  const u64* const words = reinterpret_cast<const u64*>(g.region_bytes + kFramesAt);
  const auto head = std::bit_cast<FrameHead>(words[stack_slot(other)->stack.node]);
  EXPECT_EQ(head.outer, stack_slot(id)->stack.node);
  EXPECT_EQ(head.shared, 1);
  EXPECT_EQ(read(other), (Path{1, 9}));
}

TEST_F(StackTable, OnlyWhatIsNewOfAStackIsWritten) {
  Path path(100, 0x10);
  for (u64 i = 0; i < path.size(); ++i)
    path[i] += i;
  enter(path);
  const u32 words = g.region->frame_words;
  path.back() = 0x1000;
  const u32 id = enter(path, path.size() - 1);
  EXPECT_EQ(g.region->frame_words, words + 2);
  EXPECT_EQ(read(id), path);
}

TEST_F(StackTable, NoMoreThanTheLimitIsALoss) {
  g.header->max_stacks = 2;
  EXPECT_NE(enter({1}), 0u);
  EXPECT_NE(enter({2}), 0u);
  EXPECT_EQ(enter({3}), 0u);
  EXPECT_EQ(lost(), 1u);
  EXPECT_NE(enter({1}), 0u);
}

TEST_F(StackTable, NoRoomForFramesIsALoss) {
  g.region->frame_words = kFrameWords - LG_MAX_FRAMES;
  EXPECT_EQ(enter({1, 2, 3}), 0u);
  EXPECT_EQ(lost(), 1u);
  EXPECT_EQ(g.region->frame_words, kFrameWords - LG_MAX_FRAMES);
}

TEST_F(StackTable, ATierIsFilledToAThirdBeforeItCloses) {
  constexpr u32 kStacks = 40'000;
  std::mt19937_64 random{9};
  Path path(6, 0x10);
  for (u32 i = 0; i < kStacks; ++i) {
    path.back() = 1 + random() % (u64{1} << 40);
    ASSERT_NE(enter(path, i ? path.size() - 1 : 0), 0u);
  }
  u64 closed = 0;
  for (u32 tier = 0; tier < g.region->open_tier; ++tier)
    closed += u64{path_pages(tier)} * kPathLinesInPage * kPathsInLine;
  EXPECT_GT(closed, 0u);
  EXPECT_LT(closed, 3 * kStacks) << g.region->open_tier << " tiers are closed";
}

/// Walks as a program makes them, each with some outer frames of the one before.
TEST_F(StackTable, ManyWalksHaveAStackForEachPath) {
  std::mt19937_64 random{7};
  std::map<std::tuple<Path, u32>, u32> known;
  Path path;
  for (int turn = 0; turn < 120'000; ++turn) {
    const std::size_t joined = path.empty() ? 0 : random() % (path.size() + 1);
    path.resize(joined);
    while (path.size() < LG_MAX_FRAMES && random() % 8 != 0)
      path.push_back(1 + random() % 6);
    const u32 function = random() % 8 ? LG_FN_malloc : LG_FN_calloc;
    const u32 id = enter(path, joined, {function, 0, 0});
    ASSERT_NE(id, 0u);
    const auto [found, fresh] = known.try_emplace({path, function}, id);
    ASSERT_EQ(found->second, id) << "turn " << turn;
  }
  std::map<u32, Path> read_back;
  for (const auto& [key, id] : known)
    ASSERT_TRUE(read_back.emplace(id, std::get<Path>(key)).second) << "two paths, one stack";
  for (const auto& [id, expected] : read_back)
    if (id % 16 == 0) {
      ASSERT_EQ(read(id), expected);
    }
  EXPECT_EQ(lost(), 0u);
  EXPECT_GT(g.region->open_tier, 0u) << "and tiers were filled";
}

}  // namespace
}  // namespace leakgate::preload

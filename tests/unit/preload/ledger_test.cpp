// SPDX-License-Identifier: Apache-2.0
// Blocks are put where they are found again, in pages that leakgate is told of.
#include "adapters/preload/ledger.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <set>

namespace leakgate::preload {
namespace {

class LiveTable : public testing::Test {
 protected:
  void SetUp() override {
    void* const at = ::mmap(nullptr, kRegionBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(at, MAP_FAILED);
    g = {};
    g.header = header_.get();
    g.process = process_.get();
    g.region_bytes = static_cast<u8*>(at);
    g.region = static_cast<Region*>(at);
    g.region->live_tiers = 1;
    g.live_shape = live_shape(0, 0);
  }
  void TearDown() override { ::munmap(g.region_bytes, kRegionBytes); }

  static Place at(u64 address) { return place_of(hide(reinterpret_cast<const void*>(address))); }

  static u64 page_of(const LiveEntry* entry) {
    return (reinterpret_cast<u64>(entry) - reinterpret_cast<u64>(g.region_bytes + kLiveAt)) / kLivePage;
  }

  std::unique_ptr<Header> header_ = std::make_unique<Header>();
  std::unique_ptr<Process> process_ = std::make_unique<Process>();
};

TEST_F(LiveTable, ThePagesWithBlocksAndNoOthersAreToldOf) {
  constexpr u64 kBlocks = 20000, kFrom = 0x5555'0000'0000, kStep = 48;
  std::set<u64> pages;
  for (u64 i = 0; i < kBlocks; ++i) {
    const Place place = at(kFrom + i * kStep);
    ASSERT_TRUE(put_block(place, {i, 1, 0, 1, 7}));
    const LiveEntry* const entry = find_block(place);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->block.size, i);
    pages.insert(page_of(entry));
  }
  EXPECT_GT(pages.size(), 20u);
  EXPECT_GT(g.region->live_tiers, 1u) << "so many want more than the first tier";
  const u64 end = (first_bucket(g.region->live_tiers) + 1) * sizeof(LiveBucket) / kLivePage;
  for (u64 page = 0; page < end; ++page)
    EXPECT_EQ(g.region_bytes[kLivePagesAt + page] != 0, pages.count(page) != 0) << "page " << page;
}

/// Of the last tier, whose pages are no other's.
TEST_F(LiveTable, ArenasOfThreadsShareNoPageWhereTheyCan) {
  constexpr u64 kArena = 1 << 26, kFrom = 0x7f00'0000'0000, kStep = 256;
  constexpr u64 kEarly = 20000, kLate = 16000;
  constexpr u32 kPartsLog2 = 2;
  process_->many = 1;
  process_->threads = 1 << kPartsLog2;
  const auto part_of = [&](u64 address) {
    return keep_to_part(0, hide(reinterpret_cast<const void*>(address)), kPartsLog2);
  };
  u64 other = kFrom + kArena;
  while (part_of(other) == part_of(kFrom))
    other += kArena;
  for (u64 i = 0; i < kEarly; ++i)
    ASSERT_TRUE(put_block(at(kFrom + i * kStep), {i, 1, 0, 1, 7}));
  ASSERT_GT(g.region->live_tiers, 1u);
  std::set<u64> pages[2];
  for (const u64 arena : {kFrom + kEarly * kStep, other})
    for (u64 i = 0; i < kLate; ++i) {
      ASSERT_TRUE(put_block(at(arena + i * kStep), {i, 1, 0, 1, 7}));
      pages[arena == other].insert(page_of(find_block(at(arena + i * kStep))));
    }
  for (const u64 page : pages[1])
    EXPECT_EQ(pages[0].count(page), 0u) << "page " << page;
  lg_live block{};
  for (u64 i = 0; i < kEarly; ++i)
    ASSERT_TRUE(take_block(at(kFrom + i * kStep), block)) << i;
}

TEST_F(LiveTable, WhatWasNotSeenFreedIsReplaced) {
  constexpr u64 kFrom = 0x5555'0000'0000, kStep = 16, kBlocks = 4;  // of one line, which has room for two
  lg_live block{};
  for (const u64 size : {1, 2, 3}) {
    for (u64 i = 0; i < kBlocks; ++i)
      ASSERT_TRUE(put_block(at(kFrom + i * kStep), {size * 10 + i, 1, 0, 1, 7}));
    // a free entry is met before the one with the block
    ASSERT_TRUE(take_block(at(kFrom), block));
  }
  for (u64 i = 1; i < kBlocks; ++i)
    ASSERT_TRUE(put_block(at(kFrom + i * kStep), {40 + i, 1, 0, 1, 7}));
  for (u64 i = 1; i < kBlocks; ++i) {
    ASSERT_TRUE(take_block(at(kFrom + i * kStep), block));
    EXPECT_EQ(block.size, 40 + i);
  }
  EXPECT_FALSE(take_block(at(kFrom + kStep), block)) << "it stands there twice";
}

/// What each thread keeps to itself makes the peak wrong, by little.
TEST_F(LiveTable, ThePeakOfSeveralThreadsIsNearlyRight) {
  constexpr u32 kThreads = 8;
  constexpr s64 kBytes = 1000, kEach = 100'000;
  const auto threads = std::make_unique<Thread[]>(kThreads);
  process_->many = 1;
  process_->threads = kThreads;
  for (s64 i = 0; i < kEach; ++i)
    for (u32 t = 0; t < kThreads; ++t)
      count_live(threads[t], 0, kBytes);
  constexpr s64 kPeak = kThreads * kEach * kBytes;
  for (s64 i = 0; i < kEach; ++i)
    for (u32 t = 0; t < kThreads; ++t)
      count_live(threads[t], 0, -kBytes);
  EXPECT_LE(process_->peak_live_bytes, kPeak);
  EXPECT_GE(process_->peak_live_bytes, kPeak - kPeak / 64 - kThreads * kUntoldBytes);
  EXPECT_LT(process_->peak_live_bytes, kPeak) << "then they keep nothing";
}

/// A block, and one that was made in its place after the fork, in the same tick, and freed as well.
TEST_F(LiveTable, OfTwoThatWereLeftUnderOneNameTheFirstStays) {
  constexpr u64 kChild = 3, kAddress = 0x5000;
  process_->figures.left_before = kChild << 32 | 8;
  leave_to_heir(hide(reinterpret_cast<const void*>(kAddress)), {2000, 1, 0, 1, 5});
  leave_to_heir(hide(reinterpret_cast<const void*>(kAddress)), {24, 1, 0, 1, 7});
  leave_to_heir(hide(reinterpret_cast<const void*>(kAddress + 16)), {32, 1, 0, 1, 8});
  const LiveEntry* const entry = find_block(at(kAddress | LG_LIVE_LEFT | kChild << LG_LIVE_PROC_SHIFT));
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->block.size, 2000u);
  EXPECT_EQ(process_->left, 1u) << "counted once, and what came after the fork not at all";
  EXPECT_EQ(process_->left_out, 0u);
  header_->max_live_blocks = 1;
  process_->live_blocks = 1;
  leave_to_heir(hide(reinterpret_cast<const void*>(kAddress)), {24, 1, 0, 1, 7});
  EXPECT_EQ(process_->left_out, 0u) << "it needs no room";
}

TEST_F(LiveTable, WhatIsTakenIsThereNoMore) {
  ASSERT_TRUE(put_block(at(0x5000), {10, 1, 0, 1, 7}));
  lg_live block{};
  ASSERT_TRUE(take_block(at(0x5000), block));
  EXPECT_EQ(block.size, 10u);
  EXPECT_FALSE(take_block(at(0x5000), block));
}

}  // namespace
}  // namespace leakgate::preload

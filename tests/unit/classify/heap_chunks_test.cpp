// SPDX-License-Identifier: Apache-2.0
// A heap of glibc's that the kernel has joined with the main thread's thread-local storage, as where there is
// no brk: freed chunks lead to what is lost, and are no roots; what lies behind the heap is.
#include "harness/classify/heap_chunks.h"

#include <gtest/gtest.h>

#include "tests/unit/classify/fake_process.h"

namespace leakgate::classify {
namespace {

using model::Kind;
using model::MappingKind;

constexpr std::uint64_t kLost = 0x5000'0100, kData = 0x4000'0000, kHeap = 0x6000'0000;
constexpr std::uint64_t kFreed = kHeap + 0x2d0, kLast = kHeap + 0x3d0, kStorage = kHeap + 0x2000;

struct HeapChunksTest : testing::Test {
  HeapChunksTest() {
    process.map(kLost - 0x100, 0x1000, MappingKind::heap);
    process.block(kLost, 64);
    process.map(kHeap, 0x4000, MappingKind::anonymous);
    process.thread(0).thread_pointer = kStorage + 0x1000;
    chunk(kHeap, 0x290);  // glibc's own
    chunk(kHeap + 0x290, 0x40);
    process.block(kHeap + 0x2a0, 0x30);
    chunk(kFreed, kLast - kFreed);
    chunk(kLast, kStorage - kLast);
  }
  void chunk(std::uint64_t at, std::uint64_t bytes) { process.put(at + 8, bytes | 1); }
  void point_from(std::uint64_t at) { process.put(at, kLost); }
  /// As in the C library's data: lists of which all are empty.
  void tell_last(std::uint64_t last) {
    process.map(kData, 0x1000, MappingKind::file);
    const std::uint64_t bins = kData + 0x200;
    process.put(bins - 16, last);
    for (std::uint64_t pair = 0; pair < 127; ++pair)
      for (const std::uint64_t word : {0u, 8u})
        process.put(bins + pair * 16 + word, bins + pair * 16 - 16);
  }
  FakeProcess process;
};

TEST_F(HeapChunksTest, FreedOnesAreNoRoots) {
  for (const std::uint64_t freed : {kHeap + 0x20, kFreed + 0x18, kLast + 0x20, kStorage - 8}) {
    point_from(freed);
    EXPECT_EQ(process.kind(), Kind::definitely_lost) << std::hex << freed;
  }
}

TEST_F(HeapChunksTest, OnesBetweenBlocksAreNone) {
  chunk(kLast, 0x30);
  process.block(kLast + 0x10, 0x18);
  chunk(kLast + 0x30, kStorage - kLast - 0x30);
  point_from(kFreed + 0x18);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
}

// As where mappings are made upwards.
TEST_F(HeapChunksTest, TheHeapMayBeginBehindTheStorage) {
  process.held.threads[0].thread_pointer = kHeap + 0x800;
  constexpr std::uint64_t kPiece = kHeap + 0x1000;
  chunk(kPiece, 0x290);
  chunk(kPiece + 0x290, 0x100);
  chunk(kPiece + 0x390, 0x40);
  chunk(kPiece + 0x3d0, 0x3000 - 0x3d0);
  process.held.blocks.back().address = kPiece + 0x3a0;
  point_from(kPiece + 0x2b0);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
  point_from(kPiece - 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(HeapChunksTest, WhatLiesBehindTheHeapIsARoot) {
  process.put(kStorage + 8, 0x40 | 1);  // looks like a chunk
  point_from(kStorage + 0x18);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
  tell_last(kLast);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(HeapChunksTest, ThoseBehindTheBeginningOfAPageAreFollowedWhereTheLastOneIsKnown) {
  chunk(kFreed, 0x1000 - 0x2d0);
  chunk(kHeap + 0x1000, 0x100);
  chunk(kHeap + 0x1100, 0xf00);
  point_from(kHeap + 0x1020);
  EXPECT_EQ(process.kind(), Kind::still_reachable) << "it could be other memory";
  tell_last(kHeap + 0x1100);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
}

TEST_F(HeapChunksTest, APieceThatAnotherOneDoesNotFollowEndsWithTwoOfNoUse) {
  chunk(kLast, 16);
  chunk(kLast + 16, 16);
  point_from(kLast + 0x20);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(HeapChunksTest, WhatIsWrittenOverIsNotFollowed) {
  chunk(kLast, 0x10000);
  point_from(kLast + 0x20);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(HeapChunksTest, ABlockOfAnotherSizeIsInNone) {
  chunk(kHeap + 0x290, 0x4000);
  point_from(kFreed + 0x18);
  EXPECT_EQ(process.kind(), Kind::still_reachable) << "some pool's";
}

// A heap in large pages looks like a file without a module.
TEST_F(HeapChunksTest, AHeapInLargePagesIsOne) {
  constexpr std::uint64_t kLarge = 0x6020'0000;
  process.map(kLarge, 0x2000, MappingKind::file).module = model::kNone;
  chunk(kLarge, 0x290);
  chunk(kLarge + 0x290, 0x40);
  process.block(kLarge + 0x2a0, 0x30);
  chunk(kLarge + 0x2d0, 0x100);
  chunk(kLarge + 0x3d0, 0x2000 - 0x3d0);
  point_from(kLarge + 0x2e8);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
}

}  // namespace
}  // namespace leakgate::classify

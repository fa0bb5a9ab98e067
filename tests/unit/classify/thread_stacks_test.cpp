// SPDX-License-Identifier: Apache-2.0
// Which part of a mapping is a thread's stack, by glibc's control blocks, and what is beside it.
#include "harness/classify/thread_stacks.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/classify/fake_process.h"

namespace leakgate::classify {
namespace {

using model::Kind;

constexpr std::uint64_t kHeap = 0x5000'0000, kMapping = 0x6000'0000, kBytes = 0x10000;
/// The upper half of the mapping is a stack.
constexpr std::uint64_t kStack = kMapping + kBytes / 2, kEnd = kMapping + kBytes;
constexpr std::uint64_t kControlBlock = kEnd - 0x940;
constexpr std::uint64_t kOffsetOfStack = 210 * 8;  // in glibc 2.36
/// Another one below it, where a test says so.
constexpr std::uint64_t kLowerStack = kMapping + 0x3000, kLowerControlBlock = kStack - 0x940;
constexpr std::uint64_t kNode = kControlBlock + 704, kList = kHeap + 0x3000;

struct ThreadStacks : testing::Test {
  ThreadStacks() {
    process.map(kHeap, 0x4000, MappingKind::heap);
    process.block(kHeap + 0x100, 64);
    process.map(kMapping, kBytes, MappingKind::anonymous);
    put_control_block(kControlBlock, kStack, kEnd);
    process.put(kNode, kList);
    process.put(kNode + 8, kList);
    process.put(kList, kNode);
    process.put(kList + 8, kNode);
    process.thread(0x7fff'0000'0000);  // the main one
  }
  void put_control_block(std::uint64_t at, std::uint64_t start, std::uint64_t end) {
    process.put(at, at);
    process.put(at + 16, at);
    process.put(at + kOffsetOfStack, start);
    process.put(at + kOffsetOfStack + 8, end - start);
  }
  void put_lower_stack(std::uint64_t guard_bytes = 8) {
    put_control_block(kLowerControlBlock, kLowerStack, kStack);
    process.put(kLowerControlBlock + kOffsetOfStack + 16, guard_bytes);
  }
  /// As glibc does when the thread has been joined and the program had given the stack.
  void take_from_list() {
    process.put(kList, kList);
    process.put(kList + 8, kList);
  }
  /// Whether the block is held when this place points at it.
  bool holds(std::uint64_t place) {
    process.put(place, kHeap + 0x100);
    const bool is_held = process.kind() == Kind::still_reachable;
    process.put(place, 0);
    return is_held;
  }
  model::HeldThread& start_thread(std::uint64_t stack_pointer) {
    model::HeldThread& thread = process.thread(stack_pointer);
    thread.thread_pointer = kControlBlock;
    return thread;
  }
  FakeProcess process;
};

TEST_F(ThreadStacks, AreKnownByTheirControlBlocks) {
  const auto stack = stack_of(process.held, kControlBlock);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->start, kStack);
  EXPECT_EQ(stack->end, kEnd);
  process.put(kControlBlock + kOffsetOfStack + 8, 0x1000);
  EXPECT_FALSE(stack_of(process.held, kControlBlock)) << "the control block does not lie in it";
}

TEST_F(ThreadStacks, AWordThatIsNoSizeIsNone) {
  process.put(kControlBlock + kOffsetOfStack, 0);
  process.put(kControlBlock + kOffsetOfStack + 8, kEnd);
  EXPECT_FALSE(stack_of(process.held, kControlBlock));
}

TEST_F(ThreadStacks, BelowAStackPointerOneIsNotInUse) {
  start_thread(kStack + 0x4000);
  EXPECT_FALSE(holds(kStack + 0x2000));
  EXPECT_TRUE(holds(kStack + 0x5000));
}

TEST_F(ThreadStacks, WhatLiesBesideOneIsTheProgramsOwn) {
  start_thread(kStack + 0x4000);
  EXPECT_TRUE(holds(kMapping + 0x50)) << "a mapping of which the program made the upper half a stack";
}

TEST_F(ThreadStacks, OfAThreadOnAnotherStackNothingIsLeftOut) {
  start_thread(kMapping + 0x4000).thread_pointer = kControlBlock;
  EXPECT_TRUE(holds(kMapping + 0x2000)) << "a coroutine's, perhaps, of a slab of several";
  EXPECT_TRUE(holds(kMapping + 0x5000));
}

TEST_F(ThreadStacks, OfTheMainThreadNothingIsLeftOut) {
  process.held.threads[0].stack_pointer = kMapping + 0x4000;
  EXPECT_TRUE(holds(kMapping + 0x2000));
}

TEST_F(ThreadStacks, OfAThreadThatNothingIsKnownOfAllBelowIsLeftOut) {
  process.thread(kMapping + 0x4000);
  EXPECT_FALSE(holds(kMapping + 0x2000));
  EXPECT_TRUE(holds(kMapping + 0x5000));
}

TEST_F(ThreadStacks, TwoInOneMappingAreToldApart) {
  start_thread(kStack + 0x4000);
  process.thread(kMapping + 0x2000);  // unknown
  EXPECT_FALSE(holds(kMapping + 0x1000));
  EXPECT_TRUE(holds(kMapping + 0x3000));
  EXPECT_FALSE(holds(kStack + 0x2000));
  EXPECT_TRUE(holds(kStack + 0x5000));
}

TEST_F(ThreadStacks, ThatOfAThreadThatHasEndedIsNoRoot) {
  EXPECT_FALSE(holds(kStack + 0x5000));
  EXPECT_TRUE(holds(kMapping + 0x50)) << "but what lies beside it is";
}

TEST_F(ThreadStacks, ThoseOfThreadsThatHaveEndedAreToldApart) {
  put_lower_stack();
  EXPECT_FALSE(holds(kStack + 0x5000));
  EXPECT_FALSE(holds(kLowerStack + 0x1000));
  EXPECT_TRUE(holds(kMapping + 0x50));
}

TEST_F(ThreadStacks, BelowALiveOneIsThatOfAThreadThatHasEnded) {
  put_lower_stack();
  start_thread(kStack + 0x4000);
  EXPECT_FALSE(holds(kLowerStack + 0x1000));
  EXPECT_TRUE(holds(kMapping + 0x50));
  EXPECT_TRUE(holds(kStack + 0x5000));
}

TEST_F(ThreadStacks, AboveALiveOneIsThatOfAThreadThatHasEnded) {
  put_lower_stack();
  process.thread(kLowerStack + 0x1000).thread_pointer = kLowerControlBlock;
  EXPECT_FALSE(holds(kStack + 0x5000));
  EXPECT_TRUE(holds(kLowerStack + 0x2000));
  EXPECT_TRUE(holds(kMapping + 0x50));
}

TEST_F(ThreadStacks, BesideALiveOneIsThatOfAThreadThatIsElsewhere) {
  put_lower_stack();
  process.thread(kHeap + 0x2000).thread_pointer = kLowerControlBlock;
  start_thread(kStack + 0x4000);
  EXPECT_TRUE(holds(kLowerStack + 0x1000)) << "its coroutines return to it";
}

TEST_F(ThreadStacks, BelowOneThatTheProgramHadGivenIsThatOfAThreadThatHasEnded) {
  put_lower_stack();
  take_from_list();
  EXPECT_TRUE(holds(kStack + 0x5000));
  EXPECT_FALSE(holds(kLowerStack + 0x1000));
  put_lower_stack(0);
  EXPECT_TRUE(holds(kLowerStack + 0x1000)) << "given as well";
}

TEST_F(ThreadStacks, ThatTheProgramHadGivenIsItsOwnAgain) {
  take_from_list();
  EXPECT_TRUE(holds(kStack + 0x5000));
  process.put(kControlBlock + kOffsetOfStack + 16, 0x1000);
  EXPECT_FALSE(holds(kStack + 0x5000)) << "a guard is of the C library's making";
}

TEST_F(ThreadStacks, ARecordThatPointsAtItselfIsNoControlBlock) {
  process.put(kControlBlock + kOffsetOfStack, 0);
  EXPECT_TRUE(holds(kStack + 0x5000));
}

/// With thread-local storage in the heap, which alone points at the first block.
struct ThreadStorage : ThreadStacks {
  static constexpr std::uint64_t kVector = kHeap + 0x400, kStorage = kHeap + 0x800,
                                 kUnderlying = kStorage - 16;
  ThreadStorage() {
    process.block(kVector, 16 * 66);
    process.block(kUnderlying, 128);
    process.put(kControlBlock + 8, kVector + 16);
    process.put(kVector, 64);  // modules there is room for
    process.put(kVector + 16 + 3 * 16, kStorage);
    process.put(kVector + 16 + 3 * 16 + 8, kUnderlying);
    process.put(kStorage, kHeap + 0x100);
  }
};

/// The C library keeps the vector and its blocks; what the thread kept in them is lost.
TEST_F(ThreadStorage, OfAThreadThatHasEndedIsKeptAndHoldsNothing) {
  EXPECT_EQ(process.kind(0), Kind::definitely_lost);
  EXPECT_EQ(process.kind(1), Kind::still_reachable);
  EXPECT_EQ(process.kind(2), Kind::still_reachable);
  start_thread(kStack + 0x4000);
  EXPECT_EQ(process.kind(0), Kind::still_reachable) << "while it lives it has what it keeps there";
}

TEST_F(ThreadStorage, OfTooManyModulesIsHeldWithAllThatItHolds) {
  process.put(kVector, std::uint64_t{1} << 40);
  EXPECT_EQ(process.kind(0), Kind::still_reachable);
  EXPECT_EQ(process.kind(1), Kind::still_reachable);
  EXPECT_EQ(process.kind(2), Kind::still_reachable);
}

TEST_F(ThreadStorage, IsReadAtOnceAndOnlySoMuchOfIt) {
  constexpr std::uint64_t kStacks = 1000, kOtherVector = kHeap + 0x1000;
  process.block(kOtherVector, 0x800);
  process.put(kOtherVector, 4096);
  process.put(kControlBlock + 8, kOtherVector + 16);
  for (std::uint64_t i = 1; i <= kStacks; ++i) {
    const std::uint64_t start = kMapping + i * 0x100000, at = start + 0x3000;
    process.map(start, 0x4000, MappingKind::anonymous);
    put_control_block(at, start, start + 0x4000);
    process.put(at + kOffsetOfStack + 16, 8);
    process.put(at + 8, (i == kStacks ? kVector : kOtherVector) + 16);
  }
  std::atomic<std::size_t> reads = 0, bytes = 0;
  process.held.read = [&, read = process.held.read](std::uint64_t address, std::span<std::byte> out) {
    ++reads;
    bytes += out.size();
    return read(address, out);
  };
  EXPECT_EQ(process.kind(0), Kind::still_reachable) << "by the last one, which was not read";
  EXPECT_LT(reads, kStacks * 30);
  EXPECT_LT(bytes, kStacks * 0x8000 + (std::size_t{17} << 20));
}

/// The vector of a thread on a stack of the program's own is freed, and its place may be a block of the
/// program's.
TEST_F(ThreadStacks, WhatStandsWhereAVectorWasHoldsWhatItPointsAt) {
  constexpr std::uint64_t kVector = kHeap + 0x400, kGlobals = 0x7000'0000;
  process.map(kGlobals, 0x1000, MappingKind::file);
  process.put(kGlobals + 8, kVector);
  process.block(kVector, 272);
  process.put(kControlBlock + 8, kVector + 16);
  process.put(kVector + 200, kHeap + 0x100);
  take_from_list();
  EXPECT_EQ(process.kind(1), Kind::still_reachable);
  EXPECT_EQ(process.kind(0), Kind::still_reachable);
}

}  // namespace
}  // namespace leakgate::classify

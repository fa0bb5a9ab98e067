// SPDX-License-Identifier: Apache-2.0
// A judged moment on made-up processes: which memory is a root, and what groups say.
#include "harness/classify/moment.h"

#include <gtest/gtest.h>

#include "harness/classify/roots.h"
#include "tests/unit/classify/fake_process.h"

namespace leakgate::classify {
namespace {

using model::Kind;
using model::MappingKind;

constexpr std::uint64_t kHeap = 0x5000'0000, kData = 0x4000'0000, kStack = 0x7ff0'0000,
                        kAnonymous = 0x6000'0000;

struct Moment : testing::Test {
  Moment() {
    process.map(kHeap, 0x4000, MappingKind::heap);
    process.block(kHeap + 0x100, 64);
  }
  FakeProcess process;
};

TEST_F(Moment, GlobalsAreRoots) {
  process.map(kData, 0x1000, MappingKind::file);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
  process.put(kData + 0x20, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(Moment, FreedMemoryInTheHeapIsNoRoot) {
  process.put(kHeap + 0x800, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
}

TEST_F(Moment, WhatAProgramUsesBehindABlockIsSearched) {
  process.map(kData, 0x1000, MappingKind::file);
  process.block(kHeap + 0x200, 20);
  process.put(kData, kHeap + 0x200);
  process.put(kHeap + 0x200 + 16, kHeap + 0x100);  // the block ends within this word
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
  process.held.slack = [](std::uint32_t block) { return block == 1 ? 4u : 0u; };
  EXPECT_EQ(process.kind(), Kind::still_reachable);
  process.put(kHeap + 0x200 + 16, 0);
  process.put(kHeap + 0x200 + 24, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::definitely_lost) << "beyond it";
  process.held.slack = [](std::uint32_t block) { return block == 1 ? 12u : 0u; };
  EXPECT_EQ(process.kind(), Kind::still_reachable);
  const auto groups = classify_held(process.held, true).groups;
  ASSERT_FALSE(groups.empty());
  EXPECT_EQ(groups[0].holders.back().offset, 24u);
}

TEST_F(Moment, AStackCountsFromItsPointerUp) {
  process.map(kStack, 0x4000, MappingKind::main_stack);
  process.thread(kStack + 0x2000);
  process.put(kStack + 0x1000, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
  process.put(kStack + 0x2000 - 128, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable) << "the red zone is in use";
}

TEST_F(Moment, WithoutThreadsAllOfAStackCounts) {
  process.map(kStack, 0x4000, MappingKind::main_stack);
  process.held.threads_known = false;
  process.put(kStack + 0x1000, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(Moment, RegistersAreRoots) {
  process.thread(0).registers = {kHeap + 0x100};
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(Moment, ABlockThatIsAStackIsInUse) {
  process.block(kHeap + 0x1000, 0x1000);
  process.put(kHeap + 0x1800, kHeap + 0x100);
  model::HeldThread& thread = process.thread(kHeap + 0x3000);
  EXPECT_EQ(process.kind(1), Kind::definitely_lost);
  EXPECT_EQ(process.kind(0), Kind::indirectly_lost);
  thread.stack_pointer = kHeap + 0x1f00;
  EXPECT_EQ(process.kind(1), Kind::still_reachable);
  EXPECT_EQ(process.kind(0), Kind::still_reachable) << "what a stack holds is held";
  thread.stack_pointer = kHeap + 0x2000 - 8 + model::kRedZone;
  EXPECT_EQ(process.kind(1), Kind::still_reachable) << "a stack pointer of which the red zone was left out";
  thread.stack_pointer = kHeap + 0x3000;
  thread.signal_stack = kHeap + 0x1000;
  EXPECT_EQ(process.kind(1), Kind::still_reachable) << "the stack of its signal handlers";
}

TEST_F(Moment, WhatAnAllocationFunctionHasInHandIsHeld) {
  model::HeldThread& thread = process.thread(kStack);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
  thread.in_hand.push_back({kHeap + 0x100, 0});
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(Moment, MemoryTheProgramMappedIsARoot) {
  process.map(kAnonymous, 0x1000, MappingKind::anonymous);
  process.put(kAnonymous + 0x10, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
  process.held.c_library_allocates = false;
  EXPECT_EQ(process.kind(), Kind::definitely_lost) << "it may be another allocator's bookkeeping";
}

TEST_F(Moment, ArenasAreNone) {
  constexpr std::uint64_t kArena = 0x7fff'0000'0000;  // a multiple of 64 MiB
  process.map(kArena, 0x4000, MappingKind::anonymous);
  process.put(kArena, kArena + 0x30);
  process.put(kArena + 0x1000, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
}

TEST_F(Moment, WhatTheKernelJoinedWithAnArenaIsARoot) {
  constexpr std::uint64_t kArena = 0x7fff'0000'0000;
  process.map(kArena - 0x1000, 0x5000, MappingKind::anonymous);
  process.put(kArena, kArena + 0x30);
  process.block(kArena + 0x800, 32);
  process.put(kArena + 0x1000, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
  process.put(kArena - 0x800, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

/// A lost chunk that leads to itself, joined by the kernel with memory that is in use.
void expect_lost(FakeProcess& process, std::uint64_t mapping) {
  process.map(mapping, 0x4000, MappingKind::anonymous);
  process.put(mapping + 0x1008, 0x1000 | 2);
  process.block(mapping + 0x1010, 0xff0);
  process.put(mapping + 0x1100, mapping + 0x1010);
  process.put(mapping + 0x1108, kHeap + 0x100);
  EXPECT_EQ(process.kind(1), Kind::definitely_lost);
  EXPECT_EQ(process.kind(0), Kind::indirectly_lost);
  process.put(mapping + 0x3000, mapping + 0x1010);
  EXPECT_EQ(process.kind(1), Kind::still_reachable);
  EXPECT_EQ(process.kind(0), Kind::still_reachable);
}

TEST_F(Moment, AChunkIsNoPartOfTheThreadLocalStorageItIsJoinedWith) {
  process.thread(0).thread_pointer = kAnonymous + 0x3800;
  expect_lost(process, kAnonymous);
}

/// A lost chunk of which the program has changed a page: the rest of it is the start of the next mapping.
void expect_lost_in_two(FakeProcess& process) {
  constexpr std::uint64_t kChunk = kAnonymous, kRest = kAnonymous + 0x2000, kChunkBytes = 0x3000;
  process.map(kChunk, 0x2000, MappingKind::anonymous);
  process.map(kRest, 0x2000, MappingKind::anonymous);
  process.put(kChunk + 8, kChunkBytes | 2);
  process.block(kChunk + 0x10, kChunkBytes - 0x10);
  process.put(kRest + 0x100, kHeap + 0x100);
  EXPECT_EQ(process.kind(1), Kind::definitely_lost);
  EXPECT_EQ(process.kind(0), Kind::indirectly_lost);
  process.put(kRest + 0x1100, kHeap + 0x100);  // behind it
  EXPECT_EQ(process.kind(0), Kind::still_reachable);
  EXPECT_EQ(process.kind(1), Kind::definitely_lost);
}

TEST_F(Moment, TheRestOfAChunkIsNoPartOfTheThreadLocalStorageBehindIt) {
  process.thread(0).thread_pointer = kAnonymous + 0x3800;
  expect_lost_in_two(process);
}

TEST_F(Moment, TheRestOfAChunkIsNoPartOfTheMappingBehindIt) {
  expect_lost_in_two(process);
}

TEST_F(Moment, ThreadLocalStorageInABlockKeepsIt) {
  process.map(kAnonymous, 0x2000, MappingKind::anonymous);
  process.map(kAnonymous + 0x2000, 0x2000, MappingKind::anonymous);
  process.block(kAnonymous + 0x10, 0x3ff0);
  process.thread(0).thread_pointer = kAnonymous + 0x3800;
  EXPECT_EQ(process.kind(1), Kind::still_reachable);
}

TEST_F(Moment, TheValueOfADeletedKeyIsNoRoot) {
  constexpr std::uint64_t kThread = kAnonymous + 0x1000, kValues = kThread + 0x310, kTable = 0x510;
  constexpr std::uint64_t kKeys = kAnonymous + 0x3000;
  process.map(kAnonymous, 0x4000, MappingKind::anonymous);
  process.thread(0).thread_pointer = kThread;
  process.put(kThread + kTable, kValues);
  constexpr std::uint64_t kKey = 4, kInUse = 3;
  process.put(kValues + kKey * 16, kInUse);
  process.put(kValues + kKey * 16 + 8, kHeap + 0x100);
  process.put(kKeys + kKey * 16, kInUse);
  EXPECT_EQ(process.kind(), Kind::still_reachable) << "nobody knows where the keys are";
  process.held.thread_keys = {kKeys, kTable};
  EXPECT_EQ(process.kind(), Kind::still_reachable);
  process.put(kKeys + kKey * 16, kInUse + 1);
  EXPECT_EQ(process.kind(), Kind::definitely_lost) << "deleted";
  process.put(kKeys + kKey * 16, kInUse + 2);
  EXPECT_EQ(process.kind(), Kind::definitely_lost) << "and made again";
  process.put(kValues + kKey * 16, kInUse + 2);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
  process.put(kThread + kTable, kThread - 8);
  process.put(kKeys + kKey * 16, kInUse);
  EXPECT_EQ(process.kind(), Kind::still_reachable) << "that is no table";
}

TEST_F(Moment, SignalActionsOfBeforeAreNoRootsAlsoWhereTwoMappingsHaveAPartOfThem) {
  constexpr std::uint64_t kActions = kAnonymous + 0x1000 - 80;
  process.map(kAnonymous, 0x1000, MappingKind::anonymous);
  process.map(kAnonymous + 0x1000, 0x1000, MappingKind::anonymous).readable = true;
  for (const std::uint64_t at : {kActions + 8, kActions + 144}) {
    process.put(at, kHeap + 0x100);
    EXPECT_EQ(process.kind(), Kind::still_reachable) << at - kActions;
    process.held.old_actions = {{kActions, kActions + 152}};
    EXPECT_EQ(process.kind(), Kind::definitely_lost) << at - kActions;
    process.held.old_actions.clear();
    process.put(at, 0);
  }
  process.held.old_actions = {{kActions, kActions + 152}};
  process.put(kActions + 152, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable) << "behind them";
  process.put(kActions + 152, 0);
  process.put(kActions - 8, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable) << "before them";
}

TEST_F(Moment, AChunkIsNoPartOfTheStackItIsJoinedWith) {
  process.thread(kAnonymous + 0x800);
  expect_lost(process, kAnonymous);
}

TEST_F(Moment, BssIsTheModulesAndWhatLiesBehindItIsNot) {
  process.map(kAnonymous, 0x4000, MappingKind::anonymous);
  for (const std::uint64_t chunk : {kAnonymous, kAnonymous + 0x3000}) {
    process.put(chunk + 8, 0x1000 | 2);
    process.block(chunk + 16, 0xff0);
  }
  process.put(kAnonymous + 0x2800, kHeap + 0x100);  // between the two
  EXPECT_EQ(process.kind(), Kind::still_reachable);
  process.held.mappings.back().module = 0;
  EXPECT_EQ(process.kind(), Kind::definitely_lost) << "an arena of the program's own";
}

TEST_F(Moment, TheStateOfTheMainArenaIsNone) {
  process.map(kData, 0x2000, MappingKind::file);
  const std::uint64_t bins = kData + 0x400 + 112;
  for (std::uint64_t pair = bins; pair < bins + 127 * 16; pair += 16) {
    process.put(pair, pair - 16);
    process.put(pair + 8, pair - 16);
  }
  process.put(kData + 0x400 + 96, kHeap + 0x100);  // the top chunk
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
  process.put(kData + 0x400 - 8, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(Moment, AnArenaInBssIsNoneBetweenItsBlocks) {
  process.map(kData, 0x2000, MappingKind::file);
  process.block(kData + 0x400, 32);
  process.block(kData + 0x800, 32);
  process.put(kData + 0x600, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::definitely_lost);
  process.put(kData + 0x900, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(Moment, LargeChunksAreLeftOutOfTheirMapping) {
  process.map(kAnonymous, 0x4000, MappingKind::anonymous);
  process.put(kAnonymous + 0x1008, 0x1000 | 2);  // size and flag of a chunk of its own
  process.block(kAnonymous + 0x1010, 0xff0);
  process.put(kAnonymous + 0x1100, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::indirectly_lost) << "held by the chunk's block alone";
  process.put(kAnonymous + 0x3000, kHeap + 0x100);
  EXPECT_EQ(process.kind(), Kind::still_reachable);
}

TEST_F(Moment, GroupsKnowWhenEachOfTheirBlocksWasAllocated) {
  process.held.start_ns = 5'000'000;
  process.block(kHeap + 0x200, 16);
  process.block(kHeap + 0x300, 16);
  for (std::uint32_t i = 0; i < 3; ++i)
    process.held.blocks[i].time_ms = 10 * i;
  const auto groups = classify_held(process.held, true).groups;
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].births.ages_at(26'000'000), (model::AgeHistogram{0, 1, 0, 0, 1, 1}));
}

TEST_F(Moment, GroupsTellKindHolderAndWhenItWasLost) {
  process.map(kData, 0x1000, MappingKind::file);
  process.put(kData + 0x20, kHeap + 0x100);
  process.block(kHeap + 0x200, 16, 2);
  process.held.blocks.back().window = 3;
  process.held.last_window_seen = 3;
  const auto groups = classify_held(process.held, true).groups;
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].kind, Kind::still_reachable);
  ASSERT_EQ(groups[0].holders.size(), 1u);
  EXPECT_EQ(groups[0].holders[0].what, model::TraceHolder::What::global);
  EXPECT_EQ(groups[0].holders[0].at.address, kData + 0x20);
  EXPECT_EQ(groups[1].kind, Kind::definitely_lost);
  EXPECT_EQ(groups[1].lost_after, model::kLostAtEnd);
  process.held.blocks.back().lost_after = 3;
  EXPECT_EQ(classify_held(process.held, true).groups[1].lost_after, 0u) << "at its own test's end";
  process.held.blocks.back().lost_after = 5;
  EXPECT_EQ(classify_held(process.held, true).groups[1].lost_after, 5u);
  process.held.last_window_seen = 2;
  EXPECT_EQ(classify_held(process.held, true).groups[1].lost_after, 0u) << "nobody looked at its test's end";
}

}  // namespace
}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// Kinds, holders and cycles of small heaps made up by hand.
#include "harness/classify/graph.h"

#include <gtest/gtest.h>

#include "heap_builder.h"

namespace leakgate::classify::testing {
namespace {

constexpr std::uint64_t kCode = 0x4400'0000;  // the address to which a traced allocation returned

TEST(Graph, NothingLiveIsNothingToClassify) {
  Heap heap;
  heap.root({1, 2, 3});
  EXPECT_EQ(heap.classify().size(), 0u);
}

TEST(Graph, TreeHeldByRootIsReachable) {
  Heap heap;
  const auto top = heap.block(32), left = heap.block(32), right = heap.block(32), leaf = heap.block(32);
  heap.hold(top);
  heap.point(top, 0, left);
  heap.point(top, 8, right);
  heap.point(right, 24, leaf);
  EXPECT_EQ(kinds(heap.classify()), "RRRR");
}

TEST(Graph, TopOfLostTreeIsDefiniteAndTheRestIndirect) {
  Heap heap;
  const auto leaf = heap.block(16), right = heap.block(32), left = heap.block(32), top = heap.block(32);
  heap.point(top, 0, left);
  heap.point(top, 8, right);
  heap.point(right, 16, leaf);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "IIID");
  EXPECT_EQ(classified.leader(position(classified, leaf)), position(classified, top));
  EXPECT_EQ(classified.holder(position(classified, leaf)).index, position(classified, right));
  EXPECT_EQ(classified.cycle_count(), 0u);
}

TEST(Graph, LongListIsWalkedWithoutRecursion) {
  Heap heap;
  std::vector<std::uint32_t> nodes;
  for (int i = 0; i < 100'000; ++i)
    nodes.push_back(heap.block(16));
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i)
    heap.point(nodes[i], 0, nodes[i + 1]);
  const std::string lost = kinds(heap.classify());
  EXPECT_EQ(lost, "D" + std::string(nodes.size() - 1, 'I'));
  heap.hold(nodes[0]);
  EXPECT_EQ(kinds(heap.classify()), std::string(nodes.size(), 'R'));
}

TEST(Graph, WhatTheTracerLeftOnAStackHoldsNothing) {
  Heap heap;
  const auto left = heap.block(32), held = heap.block(32), inside = heap.block(32);
  heap.root({heap.address(left), kCode, heap.address(held), kCode + 1, heap.address(inside) + 8, kCode},
            RootKind::stack);
  heap.options.is_residue = [=](std::uint32_t id, std::uint64_t above) {
    EXPECT_TRUE(id == left || id == held) << id << ": of pointers to a start alone";
    return above == kCode;
  };
  EXPECT_EQ(kinds(heap.classify()), "DRP");
}

TEST(Graph, WhatTheTracerLeftOnAStackInOtherMemoryHoldsNothing) {
  for (const std::uint64_t budget :
       {std::uint64_t{1} << 20, std::uint64_t{0}}) {  // 0: read again when needed
    Heap heap;
    const auto stack = heap.block(2048), small = heap.block(64), in_block = heap.block(32),
               in_mapping = heap.block(32), in_data = heap.block(32), in_small = heap.block(32);
    heap.hold(stack);
    heap.hold(small);
    heap.point(stack, 1024, in_block);
    heap.put(stack, 1032, kCode);
    heap.point(small, 16, in_small);
    heap.put(small, 24, kCode);
    heap.root({heap.address(in_mapping), kCode}, RootKind::mapping);
    heap.root({heap.address(in_data), kCode}, RootKind::module_data);
    heap.options.edge_budget_bytes = budget;
    heap.options.is_residue = [](std::uint32_t, std::uint64_t above) { return above == kCode; };
    EXPECT_EQ(kinds(heap.classify()), "RRDDDR") << budget;
  }
}

TEST(Graph, PointerAtOwnStartIsACycleOfOne) {
  Heap heap;
  const auto self = heap.block(32);
  heap.point(self, 8, self);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "D");
  EXPECT_EQ(classified.cycle(0), 0u);
  EXPECT_EQ(classified.cycle_count(), 1u);
}

TEST(Graph, PointerIntoItselfIsNoCycle) {
  Heap heap;
  const auto text = heap.block(32);  // as std::string with a short text
  heap.point(text, 0, text, 16);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "D");
  EXPECT_EQ(classified.cycle(0), model::kNone);
}

TEST(Graph, LowestOfEqualBlocksOfALostCycleIsDefinite) {
  Heap heap;
  const auto a = heap.block(32), b = heap.block(32);
  heap.point(a, 0, b);
  heap.point(b, 16, a);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "DI");
  EXPECT_EQ(classified.cycle(0), 0u);
  EXPECT_EQ(classified.cycle(1), 0u);
}

TEST(Graph, TheLargestBlockOfALostCycleIsDefiniteWhereverItIs) {
  for (const bool first : {true, false}) {
    Heap heap;
    const auto a = heap.block(first ? 48 : 32), b = heap.block(first ? 32 : 48);
    heap.point(a, 0, b);
    heap.point(b, 16, a);
    EXPECT_EQ(kinds(heap.classify()), first ? "DI" : "ID");
  }
}

TEST(Graph, OfALostCycleTheBlockAtWhoseStartNoOtherPointsIsDefinite) {
  Heap heap;  // as std::map: the nodes point at the head inside of it
  const auto node = heap.block(72), other = heap.block(72), map = heap.block(48);
  heap.point(map, 16, node);
  heap.point(node, 8, map, 8);
  heap.point(node, 16, other);
  heap.point(other, 8, node);
  heap.point(map, 24, map);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "IID");
  EXPECT_EQ(classified.cycle(0), 0u);
  EXPECT_EQ(classified.cycle(2), 0u);
}

TEST(Graph, CycleHeldByLostBlockIsIndirectAndStillACycle) {
  Heap heap;
  const auto a = heap.block(32), b = heap.block(32), outside = heap.block(32);
  heap.point(a, 0, b);
  heap.point(b, 0, a);
  heap.point(outside, 0, b);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "IID");
  EXPECT_EQ(classified.cycle(0), 0u);
  EXPECT_EQ(classified.cycle(2), model::kNone);
  EXPECT_EQ(classified.leader(0), 2u);
}

TEST(Graph, CycleHeldByRootIsReachableAndNoCycle) {
  Heap heap;
  const auto a = heap.block(32), b = heap.block(32);
  heap.point(a, 0, b);
  heap.point(b, 0, a);
  heap.hold(b);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "RR");
  EXPECT_EQ(classified.cycle_count(), 0u);
}

TEST(Graph, CyclesAreNumberedByTheirLowestBlock) {
  Heap heap;
  const auto a = heap.block(16), b = heap.block(16), c = heap.block(16), d = heap.block(16);
  heap.point(a, 0, d);
  heap.point(d, 0, a);
  heap.point(b, 0, c);
  heap.point(c, 0, b);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "DDII");
  EXPECT_EQ(classified.cycle_count(), 2u);
  EXPECT_EQ(classified.cycle(0), 0u);
  EXPECT_EQ(classified.cycle(1), 1u);
  EXPECT_EQ(classified.cycle(2), 1u);
  EXPECT_EQ(classified.cycle(3), 0u);
}

TEST(Graph, InteriorPointerAloneMakesPossiblyLost) {
  Heap heap;
  const auto array = heap.block(64), item = heap.block(16);
  heap.hold(array, 40);
  heap.point(array, 16, item);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "PP");  // what a possibly lost block holds is no better
  EXPECT_EQ(classified.reach(0), Reach::interior);
}

TEST(Graph, StartPointerElsewhereMakesPossiblyLostReachable) {
  Heap heap;
  const auto array = heap.block(64), item = heap.block(16), holder = heap.block(16);
  heap.hold(array, 40);
  heap.point(array, 16, item);
  heap.point(holder, 0, array);
  heap.hold(holder);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "RRR");
  EXPECT_EQ(classified.reach(0), Reach::start);
}

TEST(Graph, InteriorPointersCountAsReachableOnRequest) {
  Heap heap;
  const auto array = heap.block(64), item = heap.block(16);
  heap.hold(array, 40);
  heap.point(array, 16, item);
  heap.options.interior = InteriorPointers::reachable;
  EXPECT_EQ(kinds(heap.classify()), "RR");
}

TEST(Graph, InteriorPointerFromLostBlockMakesIndirect) {
  Heap heap;
  const auto array = heap.block(64), holder = heap.block(16);
  heap.point(holder, 0, array, 40);
  EXPECT_EQ(kinds(heap.classify()), "ID");
}

TEST(Graph, PointerOnePastTheEndHoldsNothing) {
  Heap heap;
  const auto array = heap.block(64);
  heap.hold(array, 64);
  EXPECT_EQ(kinds(heap.classify()), "D");
  heap.hold(array, 63);
  EXPECT_EQ(kinds(heap.classify()), "P");
}

TEST(Graph, PointerOnePastTheEndHoldsTheBlockThatBeginsThere) {
  Heap heap;
  heap.block_at(kHeapBase, 64);
  heap.block_at(kHeapBase + 64, 64);
  heap.root({kHeapBase + 64});
  EXPECT_EQ(kinds(heap.classify()), "DR");
}

TEST(Graph, BlockOfSizeZeroIsHeldByItsAddressAlone) {
  Heap heap;
  const auto held = heap.block(0), lost = heap.block(0);
  heap.root({heap.address(held), heap.address(lost) + 1, heap.address(lost) - 1});
  EXPECT_EQ(kinds(heap.classify()), "RD");
}

TEST(Graph, OnlyWholeAlignedWordsAreLookedAt) {
  Heap heap;
  const auto odd = heap.block(20), cut = heap.block(16), unaligned = heap.block(16), target = heap.block(16);
  heap.hold(odd);
  heap.point(odd, 16, cut);       // its last 4 bytes lie outside
  heap.point(odd, 4, unaligned);  // not at a multiple of 8
  heap.hold(target);
  EXPECT_EQ(kinds(heap.classify()), "RDDR");
}

TEST(Graph, RegistersAreRootsAfterRanges) {
  Heap heap;
  const auto a = heap.block(16), b = heap.block(16);
  heap.registers({0, heap.address(a), heap.address(b)});
  const auto range = heap.hold(b);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "RR");
  EXPECT_EQ(classified.holder(0).from, Holder::From::root_words);
  EXPECT_EQ(classified.holder(0).index, 0u);
  EXPECT_EQ(classified.holder(0).offset, 8u);
  EXPECT_EQ(classified.holder(1).from, Holder::From::root_range);
  EXPECT_EQ(classified.holder(1).index, range);
}

TEST(Graph, TaggedPointersAreFollowedOnRequest) {
  Heap heap;
  const auto low = heap.block(32), high = heap.block(32);
  heap.root({heap.address(low) | 3, heap.address(high) | 0xbeef'0000'0000'0000});
  EXPECT_EQ(kinds(heap.classify()), "PD");
  heap.options.pointer_mask = 0x0000'ffff'ffff'fff8;
  EXPECT_EQ(kinds(heap.classify()), "RR");
}

TEST(Graph, PlainPointerWinsOverUntaggedOne) {
  Heap heap;
  heap.block_at(kHeapBase, 4);
  heap.block_at(kHeapBase + 4, 4);  // begins where the mask would cut bits off
  heap.root({kHeapBase + 4});
  heap.options.pointer_mask = ~std::uint64_t{7};
  EXPECT_EQ(kinds(heap.classify()), "DR");
}

TEST(Graph, UnreadablePagesAreSkippedAndCounted) {
  Heap heap;
  const std::uint64_t base = kHeapBase;
  const auto big = heap.block_at(base, 3 * 4096), a = heap.block_at(base + 0x10000, 16),
             b = heap.block_at(base + 0x10020, 16), c = heap.block_at(base + 0x10040, 16);
  heap.hold(big);
  heap.point(big, 0, a);
  heap.point(big, 4096, b);
  heap.point(big, 2 * 4096 + 8, c);
  EXPECT_EQ(kinds(heap.classify()), "RRRR");
  heap.make_unreadable(base + 4096);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "RRDR");
  EXPECT_EQ(classified.stats().unreadable_bytes, 4096u);
}

TEST(Graph, UntouchedMemoryIsNotRead) {
  Heap heap;
  const auto big = heap.block_at(kHeapBase, 16 * 4096), a = heap.block(16), b = heap.block(16);
  heap.hold(big);
  const std::uint64_t base = heap.address(big);
  heap.put_at(base + 4096, heap.address(a));
  heap.put_at(base + 9 * 4096, heap.address(b));
  heap.options.next_touched = [base](std::uint64_t from, std::uint64_t end) {
    return from >= base && from < base + 9 * 4096 ? std::min(base + 9 * 4096, end) : from;
  };
  heap.options.threads = 1;
  const std::string found = kinds(heap.classify());
  EXPECT_EQ(found[0], 'R');
  EXPECT_EQ(found[2], 'R');
}

TEST(Graph, WordsInsideLiveBlocksAreNoRootsInMappingsAndModuleData) {
  for (const RootKind kind : {RootKind::mapping, RootKind::module_data}) {
    Heap heap;
    const auto a = heap.block_at(kHeapBase + 64, 32), b = heap.block_at(kHeapBase + 128, 32),
               c = heap.block_at(kHeapBase + 192, 32);
    heap.point(a, 0, b);
    heap.put_at(kHeapBase + 160, heap.address(c));  // between the blocks: the allocator's own word
    heap.root_over(kHeapBase, kHeapBase + 512, kind);
    EXPECT_EQ(kinds(heap.classify()), "DIR");
  }
}

TEST(Graph, StackInsideABlockIsARootAndKeepsTheBlock) {
  Heap heap;
  const auto stack = heap.block(4096), held = heap.block(16), below = heap.block(16);
  heap.point(stack, 3000, held);
  heap.point(stack, 8, below);  // below the stack pointer, yet in a block that is in use
  heap.root_over(heap.address(stack) + 2048, heap.address(stack) + 4096, RootKind::stack);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "RRR");
  EXPECT_EQ(classified.reach(0), Reach::in_use);
}

TEST(Graph, EqualAddressesAreTakenTogether) {
  Heap heap;
  heap.block_at(kHeapBase, 32);
  heap.block_at(kHeapBase, 64);
  heap.block_at(kHeapBase, 32);
  EXPECT_EQ(kinds(heap.classify()).find('R'), std::string::npos);
  heap.root({kHeapBase});
  EXPECT_EQ(kinds(heap.classify()), "RRR");
}

TEST(Graph, NestedBlockKeepsTheArenaAroundItAndOwnsItsWords) {
  Heap heap;
  const auto arena = heap.block_at(kHeapBase, 1024), held = heap.block_at(kHeapBase + 128, 64),
             lost = heap.block_at(kHeapBase + 256, 64);
  const auto other = heap.block_at(kHeapBase + 4096, 16);
  heap.hold(held);
  heap.point(lost, 0, other);
  EXPECT_EQ(kinds(heap.classify()), "RRDI");
  heap.put(arena, 512, heap.address(other));  // a word of the arena's own
  EXPECT_EQ(kinds(heap.classify()), "RRDR");
}

TEST(Graph, HostileBlocksAtTheEdgesOfTheAddressSpaceDoNoHarm) {
  const std::uint64_t top = ~std::uint64_t{0};
  const std::vector<LiveBlock> blocks = {{0, 0, 0},
                                         {0, top, 1},
                                         {top, top, 2},
                                         {top - 8, 0, 3},
                                         {top - 1, 1, 4},
                                         {8, 1, 5},
                                         {std::uint64_t{1} << 63, top, 6}};
  const std::vector<RootRange> roots = {{top - 64, top, RootKind::mapping, 0},
                                        {16, 8, RootKind::stack, 1},
                                        {0, 4096, RootKind::module_data, 2}};
  const ReadMemory nothing = [](std::uint64_t, std::span<std::byte>) { return std::size_t{0}; };
  const std::vector<RootWords> words = {{0, {0, top, top - 1, 8}}};
  const ClassifiedBlocks classified = classify_graph(blocks, roots, words, nothing);
  EXPECT_GE(classified.size(), 5u);
  EXPECT_GT(classified.stats().unreadable_bytes, 0u);
}

TEST(Graph, LargeBlockIsScannedInPartsAndHoldsFromEachOfThem) {
  Heap heap;
  const std::uint64_t bytes = std::uint64_t{9} << 20;
  const auto large = heap.block(bytes);
  std::vector<std::uint32_t> held;
  for (std::uint64_t offset = 0; offset < bytes; offset += bytes / 16)
    held.push_back(heap.block(16));
  for (std::size_t i = 0; i < held.size(); ++i)
    heap.point(large, i * (bytes / 16), held[i]);
  const auto last = heap.block(16);
  heap.point(large, bytes - 8, last);
  heap.hold(large);
  for (const unsigned threads : {1u, 3u}) {
    heap.options.threads = threads;
    const ClassifiedBlocks classified = heap.classify();
    EXPECT_EQ(kinds(classified), std::string(classified.size(), 'R')) << threads;
    EXPECT_EQ(classified.stats().heap_bytes, bytes + (held.size() + 1) * 16);
  }
}

TEST(Graph, BlocksBeyondTheBudgetAreReadAgain) {
  Heap heap;
  const auto table = heap.block(8 * 1000);
  for (std::uint64_t i = 0; i < 1000; ++i)
    heap.point(table, i * 8, heap.block(16));
  heap.options.edge_budget_bytes = 0;
  ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "D" + std::string(1000, 'I'));
  EXPECT_GT(classified.stats().blocks_read_again, 0u);
  heap.hold(table);
  classified = heap.classify();
  EXPECT_EQ(kinds(classified), std::string(1001, 'R'));
}

TEST(Graph, ExplanationOfTheCallersMakesInteriorPointersCount) {
  Heap heap;
  const auto dtv = heap.block(256), other = heap.block(256);
  heap.root({heap.address(dtv) + 16, heap.address(other) + 16});
  heap.options.explains_interior = [dtv](const LiveBlock& block, std::uint64_t offset) {
    return block.id == dtv && offset == 16;
  };
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "RP");
  EXPECT_EQ(classified.reach(0), Reach::explained);
}

}  // namespace
}  // namespace leakgate::classify::testing

// SPDX-License-Identifier: Apache-2.0
// Chains of holders: the shortest, with the offset of each pointer, cut in the middle where they are long.
#include "harness/classify/chain.h"

#include <gtest/gtest.h>

#include "heap_builder.h"

namespace leakgate::classify::testing {
namespace {

TEST(Chain, NamesRootAndEachPointer) {
  Heap heap;
  const auto map = heap.block(64), node = heap.block(48), value = heap.block(16);
  const auto root = heap.root({0, 0, 0, heap.address(map)});
  heap.point(map, 24, node);
  heap.point(node, 40, value);
  const ClassifiedBlocks classified = heap.classify();
  const Chain chain = heap.chain(classified, value);
  ASSERT_EQ(chain.steps.size(), 3u);
  EXPECT_EQ(chain.steps[0].from, Holder::From::root_range);
  EXPECT_EQ(chain.steps[0].index, root);
  EXPECT_EQ(chain.steps[0].offset, 24u);
  EXPECT_EQ(chain.steps[1].index, position(classified, map));
  EXPECT_EQ(chain.steps[1].offset, 24u);
  EXPECT_EQ(chain.steps[2].index, position(classified, node));
  EXPECT_EQ(chain.steps[2].offset, 40u);
  EXPECT_EQ(chain.left_out, 0u);
}

TEST(Chain, TakesTheShorterWay) {
  Heap heap;
  const auto a = heap.block(32), b = heap.block(32), c = heap.block(32), target = heap.block(16);
  heap.root({heap.address(a)});
  heap.root({heap.address(c)});
  heap.point(a, 0, b);
  heap.point(b, 0, target);
  heap.point(c, 8, target);
  const ClassifiedBlocks classified = heap.classify();
  const Chain chain = heap.chain(classified, target);
  ASSERT_EQ(chain.steps.size(), 2u);
  EXPECT_EQ(chain.steps[1].index, position(classified, c));
}

TEST(Chain, PrefersTheRootGivenFirst) {
  Heap heap;
  const auto block = heap.block(32);
  heap.root({0});
  const auto global = heap.root({heap.address(block)});
  heap.root({heap.address(block)}, RootKind::stack);
  EXPECT_EQ(heap.chain(heap.classify(), block).steps.at(0).index, global);
}

TEST(Chain, IsEmptyForADefinitelyLostBlock) {
  Heap heap;
  const auto block = heap.block(32);
  EXPECT_TRUE(heap.chain(heap.classify(), block).steps.empty());
}

TEST(Chain, OfAnIndirectlyLostBlockBeginsAtItsLeader) {
  Heap heap;
  const auto leaf = heap.block(16), middle = heap.block(16), top = heap.block(16);
  heap.point(top, 8, middle);
  heap.point(middle, 0, leaf);
  const ClassifiedBlocks classified = heap.classify();
  const Chain chain = heap.chain(classified, leaf);
  ASSERT_EQ(chain.steps.size(), 2u);
  EXPECT_EQ(chain.steps[0].index, position(classified, top));
  EXPECT_EQ(chain.steps[0].offset, 8u);
}

TEST(Chain, LongOnesKeepTheRootAndTheEnd) {
  Heap heap;
  std::vector<std::uint32_t> nodes;
  for (int i = 0; i < 50; ++i)
    nodes.push_back(heap.block(16));
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i)
    heap.point(nodes[i], 8, nodes[i + 1]);
  heap.hold(nodes[0]);
  const ClassifiedBlocks classified = heap.classify();
  const Chain chain = heap.chain(classified, nodes.back(), 5);
  ASSERT_EQ(chain.steps.size(), 5u);
  EXPECT_EQ(chain.left_out, 45u);
  EXPECT_EQ(chain.steps.front().from, Holder::From::root_range);
  EXPECT_EQ(chain.steps.back().index, position(classified, nodes[48]));
}

TEST(Chain, OffsetIsUnknownOnceThePointerIsGone) {
  Heap heap;
  const auto holder = heap.block(32), held = heap.block(32);
  heap.hold(holder);
  heap.point(holder, 8, held);
  const ClassifiedBlocks classified = heap.classify();
  heap.put(holder, 8, 0);
  EXPECT_EQ(heap.chain(classified, held).steps.at(1).offset, kUnknownOffset);
}

TEST(Chain, OfAnInteriorPointerGivesItsPlace) {
  Heap heap;
  const auto holder = heap.block(32), held = heap.block(32);
  heap.hold(holder);
  heap.point(holder, 16, held, 8);
  const ClassifiedBlocks classified = heap.classify();
  EXPECT_EQ(kinds(classified), "RP");
  EXPECT_EQ(heap.chain(classified, held).steps.at(1).offset, 16u);
}

}  // namespace
}  // namespace leakgate::classify::testing

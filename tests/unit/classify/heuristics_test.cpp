// SPDX-License-Identifier: Apache-2.0
// The rules by which an interior pointer keeps a block: what each asks for, and what it turns down.
#include "harness/classify/heuristics.h"

#include <gtest/gtest.h>

#include "heap_builder.h"

namespace leakgate::classify::testing {
namespace {

/// A heap of one block of `size_bytes` with these first words, held by one pointer at `offset`.
struct OneBlock {
  Heap heap;
  std::uint32_t block;
  OneBlock(std::uint64_t size_bytes, std::vector<std::uint64_t> head, std::uint64_t offset) {
    block = heap.block(size_bytes);
    for (std::size_t i = 0; i < head.size(); ++i)
      heap.put(block, i * 8, head[i]);
    heap.hold(block, offset);
  }
  std::string kind() const { return kinds(heap.classify()); }
  Reach reach() const { return heap.classify().reach(0); }
};

TEST(Heuristics, StringHeaderBeforeTheTextKeepsTheBlock) {
  const OneBlock text(24 + 10 + 1, {5, 10, 0}, 24);
  EXPECT_EQ(text.kind(), "R");
  EXPECT_EQ(text.reach(), Reach::std_string);
}

TEST(Heuristics, StringHeaderThatDoesNotFitKeepsNothing) {
  EXPECT_EQ(OneBlock(24 + 10 + 1, {11, 10, 0}, 24).kind(), "P") << "longer than its capacity";
  EXPECT_EQ(OneBlock(24 + 10 + 2, {5, 10, 0}, 24).kind(), "P") << "capacity does not fill the block";
  EXPECT_EQ(OneBlock(24 + 10 + 1, {5, 10, 0}, 25).kind(), "P") << "not at the first character";
  EXPECT_EQ(OneBlock(64, {5, 0xffff'ffff'ffff'ffff, 0}, 24).kind(), "P") << "capacity wraps";
}

TEST(Heuristics, ArrayCountThatDividesTheRestKeepsTheBlock) {
  const OneBlock array(8 + 3 * 24, {3}, 8);
  EXPECT_EQ(array.kind(), "R");
  EXPECT_EQ(array.reach(), Reach::new_array);
  EXPECT_EQ(OneBlock(8 + 3 * 24, {5}, 8).kind(), "P");
  EXPECT_EQ(OneBlock(8 + 3 * 24, {0}, 8).kind(), "P");
  EXPECT_EQ(OneBlock(8 + 3 * 24, {3}, 16).kind(), "P");
}

TEST(Heuristics, EmptyArrayIsHeldByThePointerPastItsCount) {
  const OneBlock array(8, {0}, 8);
  EXPECT_EQ(array.kind(), "R");
  EXPECT_EQ(array.reach(), Reach::new_array);
  EXPECT_EQ(OneBlock(8, {1}, 8).kind(), "D") << "one past an ordinary block of 8 bytes";
  EXPECT_EQ(OneBlock(16, {0, 0}, 16).kind(), "D");
}

TEST(Heuristics, LengthOfTheRestKeepsTheBlock) {
  const OneBlock block(8 + 57, {57}, 8);
  EXPECT_EQ(block.kind(), "R");
  EXPECT_EQ(block.reach(), Reach::length64);
  EXPECT_EQ(OneBlock(8 + 57, {56}, 8).kind(), "P");
}

TEST(Heuristics, SecondBaseWithItsVtableKeepsTheBlock) {
  OneBlock object(48, {kVtables + 16}, 24);
  object.heap.put(object.block, 24, kVtables + 64);
  EXPECT_EQ(object.kind(), "R");
  EXPECT_EQ(object.reach(), Reach::multiple_inheritance);
  EXPECT_TRUE(object.heap.classify().has_vtable(0));
}

TEST(Heuristics, VtableOnOneSideAloneKeepsNothing) {
  EXPECT_EQ(OneBlock(48, {kVtables + 16}, 24).kind(), "P");
  OneBlock inner_only(48, {1}, 24);
  inner_only.heap.put(inner_only.block, 24, kVtables + 64);
  EXPECT_EQ(inner_only.kind(), "P");
}

/// A block of `holder_bytes` that is held, and has a pointer to another one at `place`.
std::string kinds_of_branch(std::uint64_t holder_bytes, std::uint64_t node_bytes, std::uint64_t place,
                            std::uint64_t offset, bool search_tree = true) {
  Heap heap;
  heap.options.search_tree = search_tree;
  const std::uint32_t holder = heap.block(holder_bytes), node = heap.block(node_bytes);
  heap.hold(holder, 0);
  heap.point(holder, place, node, offset);
  heap.point(node, 0, heap.block(40));  // its key
  return kinds(heap.classify());
}

TEST(Heuristics, TheColourAtTheLeftBranchOfASearchTreeKeepsTheNode) {
  EXPECT_EQ(kinds_of_branch(24, 24, 8, 1), "RRR");
  EXPECT_EQ(kinds_of_branch(24, 24, 16, 1), "RPP") << "the right branch has none";
  EXPECT_EQ(kinds_of_branch(24, 24, 8, 2), "RPP");
  EXPECT_EQ(kinds_of_branch(32, 24, 8, 1), "RPP") << "not in a node";
  EXPECT_EQ(kinds_of_branch(24, 32, 8, 1), "RPP") << "to no node";
  EXPECT_EQ(kinds_of_branch(24, 24, 8, 1, false), "RPP");
  EXPECT_EQ(OneBlock(24, {0, 0, 0}, 1).kind(), "P") << "not from the root";
}

TEST(Heuristics, EachRuleCanBeSwitchedOff) {
  OneBlock text(24 + 10 + 1, {5, 10, 0}, 24);
  text.heap.options.std_string = false;
  EXPECT_EQ(text.kind(), "P");
  OneBlock array(8 + 3 * 24, {3}, 8);
  array.heap.options.new_array = false;
  EXPECT_EQ(array.kind(), "P");
  OneBlock empty(8, {0}, 8);
  empty.heap.options.new_array = false;
  EXPECT_EQ(empty.kind(), "D");
  OneBlock length(8 + 57, {57}, 8);
  length.heap.options.length64 = false;
  EXPECT_EQ(length.reach(), Reach::new_array) << "57 elements of one byte";
  OneBlock object(48, {kVtables + 16}, 24);
  object.heap.put(object.block, 24, kVtables + 64);
  object.heap.options.multiple_inheritance = false;
  EXPECT_EQ(object.kind(), "P");
}

TEST(Heuristics, WhatAKeptBlockHoldsIsReachable) {
  OneBlock array(8 + 3 * 24, {3}, 8);
  array.heap.point(array.block, 32, array.heap.block(16));
  EXPECT_EQ(array.kind(), "RR");
}

TEST(Heuristics, VtableMemoAsksOncePerAddress) {
  int asked = 0;
  const IsVtable is_vtable = [&asked](std::uint64_t address) {
    ++asked;
    return address == 0x8000;
  };
  VtableMemo memo(is_vtable);
  EXPECT_TRUE(memo(0x8000));
  EXPECT_TRUE(memo(0x8000));
  EXPECT_EQ(asked, 1);
  EXPECT_FALSE(memo(0x8001));
  EXPECT_FALSE(memo(64));
  EXPECT_EQ(asked, 1) << "unaligned words and those in the first page are never vtables";
}

}  // namespace
}  // namespace leakgate::classify::testing

// SPDX-License-Identifier: Apache-2.0
// What threads say that they have in hand, some of which cannot be.
#include "harness/capture/memory_in_hand.h"

#include <gtest/gtest.h>

#include <vector>

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kHeap = 0x100000, kHeapEnd = 0x130000;

using Rows = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// Blocks of a process with two mappings side by side, and one block, when a thread has the memory in hand.
Rows blocks_with(std::vector<model::HeldThread::InHand> in_hand) {
  model::HeldProcess view;
  for (const auto& [start, end] : Rows{{kHeap, 0x120000}, {0x120000, kHeapEnd}, {0x200000, 0x201000}}) {
    model::HeldMapping mapping;
    mapping.start = start;
    mapping.end = end;
    view.mappings.push_back(mapping);
  }
  model::HeldBlock block;
  block.address = kHeap + 0x100;
  block.size_bytes = 0x40;
  view.blocks.push_back(block);
  view.threads.emplace_back().in_hand = std::move(in_hand);
  add_in_hand(view);
  Rows rows;
  for (const model::HeldBlock& each : view.blocks)
    if (each.inherited) rows.emplace_back(each.address, each.size_bytes);
  return rows;
}

TEST(MemoryInHand, IsABlockThatIsInNoReport) {
  EXPECT_EQ(blocks_with({{kHeap + 0x1000, 24}, {kHeap, 16}}), (Rows{{kHeap, 16}, {kHeap + 0x1000, 24}}));
  EXPECT_EQ(blocks_with({{0x11ff00, 0x200}}), (Rows{{0x11ff00, 0x200}})) << "across two mappings";
  EXPECT_EQ(blocks_with({{kHeap, 0x100}, {0x120000, 0x10000}}), (Rows{{kHeap, 0x100}, {0x120000, 0x10000}}));
}

TEST(MemoryInHand, ThatIsABlockAlreadyIsNone) {
  EXPECT_EQ(blocks_with({{kHeap + 0x100, 0x40}, {kHeap + 0xf0, 0x20}, {kHeap + 0x130, 8}}), Rows{});
  EXPECT_EQ(blocks_with({{kHeap + 0x100, 0}}), Rows{});
}

TEST(MemoryInHand, ThatIsNotThereIsNone) {
  EXPECT_EQ(blocks_with({{kHeap - 8, 16}}), Rows{});
  EXPECT_EQ(blocks_with({{kHeapEnd - 8, 16}}), Rows{});
  EXPECT_EQ(blocks_with({{kHeapEnd, 16}}), Rows{});
  EXPECT_EQ(blocks_with({{0x200000, 0x1001}, {0x300000, 1}}), Rows{});
  EXPECT_EQ(blocks_with({{kHeap + 0x1000, ~std::uint64_t{0}}, {~std::uint64_t{0}, ~std::uint64_t{0}}}),
            Rows{});
  EXPECT_EQ(blocks_with({{kHeap + 0x1000, std::uint64_t{1} << 46}}), Rows{});
}

}  // namespace
}  // namespace leakgate::capture

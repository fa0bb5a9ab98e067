// SPDX-License-Identifier: Apache-2.0
// What is known of a process's blocks from one moment to the next.
#include "harness/capture/known_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace leakgate::capture {
namespace {

using model::HeldBlock;
using model::Kind;

HeldBlock block(std::uint64_t address, std::uint32_t window, std::uint32_t stack = 1) {
  return {address, 32, 5, window, stack, 0};
}

lg_live live(std::uint32_t stack, std::uint32_t time_ms) {
  lg_live row{};
  row.stack = stack;
  row.time_ms = time_ms;
  return row;
}

TEST(KnownBlocks, LostSinceTheMomentThatSawItFirst) {
  KnownBlocks known;
  std::vector<HeldBlock> blocks = {block(0x1000, 1), block(0x2000, 1), block(0x3000, 2)};
  const std::vector<Kind> first = {Kind::still_reachable, Kind::definitely_lost, Kind::definitely_lost};
  known.keep(blocks, first, 2, 1);
  known.recall(blocks);
  EXPECT_EQ(blocks[0].lost_after, 0u);
  EXPECT_EQ(blocks[1].lost_after, 2u) << "reachable, as far as was seen, at its own test's end";
  EXPECT_EQ(blocks[2].lost_after, 2u);

  known.keep(blocks, std::vector(3, Kind::definitely_lost), 5, 2);
  known.recall(blocks);
  EXPECT_EQ(blocks[0].lost_after, 5u);
  EXPECT_EQ(blocks[1].lost_after, 2u);
}

TEST(KnownBlocks, OfATestWhoseEndNobodyLookedAtItIsLostSinceThen) {
  KnownBlocks known;
  std::vector<HeldBlock> blocks = {block(0x1000, 4)};
  known.keep(blocks, std::vector{Kind::definitely_lost}, 6, 3);
  known.recall(blocks);
  EXPECT_EQ(blocks[0].lost_after, 4u);
}

TEST(KnownBlocks, AnotherBlockAtTheSameAddressIsNotKnown) {
  KnownBlocks known;
  known.keep(std::vector{block(0x1000, 1)}, std::vector{Kind::definitely_lost}, 1, 0);
  std::vector<HeldBlock> blocks = {block(0x1000, 1, 2)};
  known.recall(blocks);
  EXPECT_EQ(blocks[0].lost_after, 0u);
  EXPECT_EQ(known.last_kind({0x1000, 0, 0}, live(1, 5)), Kind::definitely_lost);
  EXPECT_EQ(known.last_kind({0x1000, 0, 0}, live(2, 5)), Kind::unclassified);
  EXPECT_EQ(known.last_kind({0x1000, 0, 0}, live(1, 6)), Kind::unclassified);
  EXPECT_EQ(known.last_kind({0x1008, 0, 0}, live(1, 5)), Kind::unclassified);
}

TEST(KnownBlocks, BytesInCommon) {
  const std::vector<HeldBlock> blocks = {block(0x1000, 1), block(0x2000, 1)};
  const auto has = [&](std::uint64_t address, std::uint64_t bytes) {
    HeldBlock wanted = block(address, 1);
    wanted.size_bytes = bytes;
    return overlaps(blocks, wanted);
  };
  EXPECT_TRUE(has(0x1000, 1));
  EXPECT_TRUE(has(0x101f, 100));
  EXPECT_FALSE(has(0x1020, 100));
  EXPECT_FALSE(has(0xf00, 0x100));
  EXPECT_TRUE(has(0xf00, 0x101));
  EXPECT_TRUE(has(0x1800, 0x1000)) << "one lies in it";
  EXPECT_FALSE(has(0x3000, 8));
}

TEST(KnownBlocks, SortingIsByAddressHoweverManyAndHoweverAligned) {
  std::mt19937_64 random(1);
  for (const std::uint64_t alignment : {16u, 8u})
    for (const std::size_t count : {0u, 1u, 100u, 5000u}) {
      std::vector<HeldBlock> blocks;
      for (std::size_t i = 0; i < count; ++i)
        blocks.push_back(
            block((random() >> (i % 3 ? 40 : 17)) / alignment * alignment, 1, static_cast<std::uint32_t>(i)));
      std::vector<HeldBlock> expected = blocks;
      const auto before = [](const HeldBlock& a, const HeldBlock& b) { return a.address < b.address; };
      std::stable_sort(expected.begin(), expected.end(), before);
      sort_by_address(blocks);
      ASSERT_EQ(blocks.size(), count);
      for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(blocks[i].address, expected[i].address) << i << " of " << count << ", " << alignment;
    }
}

}  // namespace
}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// Look-ups by address: against a linear search, on layouts that make extents and buckets uneven.
#include "harness/classify/block_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace leakgate::classify {
namespace {

/// The block that begins last among those that contain the address; of equal ones the smallest, then the
/// highest id.
std::uint32_t linear_find(const BlockIndex& index, std::uint64_t address) {
  std::uint32_t found = BlockIndex::kNotFound;
  for (std::uint32_t i = 0; i < index.size(); ++i) {
    if (index.address(i) <= address && address < index.end(i)) found = i;
  }
  return found;
}

void expect_like_linear(const std::vector<LiveBlock>& blocks, std::mt19937_64& random) {
  const BlockIndex index(blocks, 2);
  ASSERT_EQ(index.size(), blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const LiveBlock& block = blocks[i];
    const std::uint64_t inside = block.size_bytes ? random() % block.size_bytes : 0;
    for (const std::uint64_t address :
         {block.address - 1, block.address, block.address + 1, block.address + inside,
          block.address + block.size_bytes, block.address + block.size_bytes + 1,
          block.address + random() % 5'000'000}) {
      ASSERT_EQ(index.find(address), linear_find(index, address)) << std::hex << address;
    }
  }
}

TEST(BlockIndex, EmptyIndexFindsNothing) {
  const BlockIndex index;
  EXPECT_EQ(index.find(0), BlockIndex::kNotFound);
  EXPECT_EQ(index.find(~std::uint64_t{0}), BlockIndex::kNotFound);
  EXPECT_EQ(index.lower_bound(1), 0u);
}

TEST(BlockIndex, SortsByAddressThenLargerFirst) {
  const BlockIndex index({{64, 8, 1}, {16, 8, 2}, {64, 16, 3}, {64, 8, 0}});
  ASSERT_EQ(index.size(), 4u);
  EXPECT_EQ(index.id(0), 2u);
  EXPECT_EQ(index.id(1), 3u);
  EXPECT_EQ(index.id(2), 0u);
  EXPECT_EQ(index.id(3), 1u);
}

TEST(BlockIndex, FindsLikeALinearSearchInEvenAndUnevenHeaps) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    std::vector<LiveBlock> blocks;
    std::uint64_t address = 0x5555'0000'0000;
    for (std::uint32_t i = 0; i < 300; ++i) {
      const std::uint64_t size = random() % 8 == 0 ? random() % 3'000'000 : random() % 100;
      blocks.push_back({address, size, i});
      address += std::max<std::uint64_t>(size, 1) + random() % 64;
      if (random() % 50 == 0) address += std::uint64_t{1} << (random() % 46);
    }
    std::shuffle(blocks.begin(), blocks.end(), random);
    expect_like_linear(blocks, random);
  }
}

TEST(BlockIndex, FindsTheInnermostOfOverlappingBlocks) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20; ++round) {
    std::vector<LiveBlock> blocks;
    for (std::uint32_t i = 0; i < 60; ++i)
      blocks.push_back({0x10000 + random() % 4096, random() % 700, i});
    blocks.push_back({0x10000, std::uint64_t{6} << 30, 60});
    blocks.push_back({0x10000 + (std::uint64_t{5} << 30), 64, 61});
    expect_like_linear(blocks, random);
  }
}

TEST(BlockIndex, KnowsSizesBeyondFourGigabytes) {
  const std::uint64_t large = (std::uint64_t{9} << 30) + 5;
  const BlockIndex index({{0x1000, large, 0}, {0x1000 + large, 8, 1}});
  EXPECT_EQ(index.size_bytes(0), large);
  EXPECT_EQ(index.find(0x1000 + large - 1), 0u);
  EXPECT_EQ(index.find(0x1000 + large), 1u);
}

TEST(BlockIndex, EnclosingLeadsOutwardsOneBlockAtATime) {
  const BlockIndex index({{100, 100, 0}, {120, 50, 1}, {130, 10, 2}, {145, 5, 3}});
  EXPECT_EQ(index.enclosing(2), 1u);
  EXPECT_EQ(index.enclosing(3), 1u);
  EXPECT_EQ(index.enclosing(1), 0u);
  EXPECT_EQ(index.enclosing(0), BlockIndex::kNotFound);
}

}  // namespace
}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// Packed pointers come out as they went in, or the block is said to need another reading.
#include "harness/classify/edge_store.h"

#include <gtest/gtest.h>

namespace leakgate::classify {
namespace {

std::vector<std::pair<std::uint32_t, std::uint32_t>> all(const EdgeStore& store, std::uint32_t block) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  EdgeCursor cursor(store.words(block));
  for (Edge edge; cursor.next(edge);)
    edges.emplace_back(edge.target, edge.offset);
  return edges;
}

constexpr std::uint64_t kPlenty = std::uint64_t{64} << 20;

TEST(EdgeStore, KeepsPointersInOrderAndDropsRepeats) {
  EdgeStore store(3, kPlenty);
  EdgeStore::Writer writer;
  EdgeList edges;
  for (const BlockPointer pointer : {BlockPointer{2, 0}, {2, 0}, {2, 8}, {2, 8}, {0, 0}})
    edges.add(pointer);
  store.keep(writer, 1, edges);
  EXPECT_EQ(all(store, 1), (std::vector<std::pair<std::uint32_t, std::uint32_t>>{{2, 0}, {2, 8}, {0, 0}}));
  EXPECT_TRUE(all(store, 0).empty());
  EXPECT_FALSE(store.read_again(0));
}

TEST(EdgeStore, FarOffsetsAreKeptAsFar) {
  EdgeStore store(1, kPlenty);
  EdgeStore::Writer writer;
  EdgeList edges;
  edges.add({0, std::uint64_t{5} << 32});
  store.keep(writer, 0, edges);
  EXPECT_EQ(all(store, 0).at(0).second, kFarOffset);
}

TEST(EdgeStore, FillsManyPagesAndRowsOfTheirOwn) {
  constexpr std::uint32_t kBlocks = 2000;
  EdgeStore store(kBlocks, kPlenty);
  EdgeStore::Writer writer;
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    EdgeList edges;
    const std::uint32_t count = block % 500 == 0 ? 50'000 : block % 300;
    for (std::uint32_t i = 0; i < count; ++i)
      edges.add({(block + i) % kBlocks, i % 3 * 8});
    store.keep(writer, block, edges);
  }
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    const auto edges = all(store, block);
    ASSERT_EQ(edges.size(), block % 500 == 0 ? 50'000 : block % 300);
    for (std::uint32_t i = 0; i < edges.size(); ++i)
      ASSERT_EQ(edges[i].first, (block + i) % kBlocks);
  }
}

TEST(EdgeStore, JoinsPartsInTheirOrder) {
  EdgeStore store(2, kPlenty);
  for (const std::uint64_t part : {2u, 0u, 1u}) {
    EdgeList edges;
    edges.add({1, part * 8});
    edges.add({1, part * 8 + 4});
    store.keep_part(0, part, edges);
  }
  store.keep_part(0, 3, {});
  store.join_parts();
  std::vector<std::uint32_t> offsets;
  for (const auto& [target, offset] : all(store, 0))
    offsets.push_back(offset);
  EXPECT_EQ(offsets, (std::vector<std::uint32_t>{0, 4, 8, 12, 16, 20}));
}

TEST(EdgeStore, SaysWhatItHadNoRoomFor) {
  EdgeStore store(3, 0);
  EdgeStore::Writer writer;
  EdgeList edges;
  edges.add({1, 0});
  store.keep(writer, 0, edges);
  store.keep_part(1, 0, edges);
  store.join_parts();
  EXPECT_TRUE(store.read_again(0));
  EXPECT_TRUE(store.read_again(1));
  EXPECT_FALSE(store.read_again(2));
  EXPECT_EQ(store.words(0), nullptr);
}

TEST(EdgeStore, CursorGoesOnWhereItWasLeft) {
  EdgeList edges;
  edges.add({1, 0});
  edges.add({2, 16});
  edges.add({3, 0});
  const std::uint32_t* words = edges.finished().data();
  EdgeCursor first(words);
  Edge edge;
  ASSERT_TRUE(first.next(edge));
  ASSERT_TRUE(first.next(edge));
  EdgeCursor second(words);
  second.resume(first.position());
  ASSERT_TRUE(second.next(edge));
  EXPECT_EQ(edge.target, 3u);
  EXPECT_FALSE(second.next(edge));
}

}  // namespace
}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// Random heaps, classified and compared: with the plain reference, with another number of threads, with no
// room for pointers.
#include <gtest/gtest.h>

#include <random>

#include "heap_builder.h"
#include "naive_graph.h"

namespace leakgate::classify::testing {
namespace {

/// A heap of up to 40 blocks with pointers of every sort; one seed, one heap.
Heap random_heap(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t limit) { return random() % limit; };
  Heap heap;
  if (seed % 4 == 1) heap.options.pointer_mask = 0x0000'ffff'ffff'fff8;
  if (seed % 8 == 2) heap.options.interior = InteriorPointers::reachable;
  const std::uint64_t count = 2 + below(39);
  const std::uint64_t density = 1 + below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t sizes[] = {0, 1, 8, 16, 24, 32, 35, 40, 48, 80, 104, 5000};
    const std::uint64_t size = sizes[below(std::size(sizes))];
    if (below(12) == 0) {
      heap.block_at(kHeapBase + 0x10000000 + i * 0x4000 + below(16),
                    size);  // an arena of its own, at odd addresses
    } else {
      heap.block(size);
    }
  }
  const auto pointer = [&] {
    const std::uint32_t target = static_cast<std::uint32_t>(below(count));
    const std::uint64_t size = heap.blocks()[target].size_bytes;
    const std::uint64_t offsets[] = {0, 0, 0, 8, 24, size, size / 2, below(size + 1)};
    const std::uint64_t tag = below(10) == 0 ? below(8) | (below(2) ? 0xa5a5'0000'0000'0000 : 0) : 0;
    return (heap.address(target) + offsets[below(std::size(offsets))]) ^ tag;
  };
  for (std::uint32_t b = 0; b < count; ++b) {
    const std::uint64_t size = heap.blocks()[b].size_bytes;
    if (size < 8) continue;
    const std::uint64_t heads[] = {0, 1, 2, 3, size - 8, kVtables + below(64) * 8, pointer()};
    heap.put(b, 0, heads[below(std::size(heads))]);
    if (size >= 25 && below(2)) heap.put(b, 8, size - 25);
    for (std::uint64_t i = 0; i < below(density + 1); ++i)
      heap.put(b, below(size / 8) * 8, pointer());
    if (below(3) == 0) heap.put(b, below(size / 8) * 8, kVtables + below(64) * 8);
  }
  std::vector<std::uint64_t> words;
  for (std::uint64_t i = 0; i < below(6); ++i)
    words.push_back(below(3) ? pointer() : random());
  heap.root(words, below(2) ? RootKind::module_data : RootKind::mapping);
  if (below(2)) heap.registers({pointer(), random()});
  if (below(3) == 0) heap.make_unreadable(heap.address(static_cast<std::uint32_t>(below(count))));
  if (below(3) == 0) heap.root_over(kHeapBase, kHeapBase + 256, RootKind::mapping);
  return heap;
}

void expect_like_naive(const Heap& heap, const std::string& what) {
  const std::map<std::uint32_t, NaiveBlock> expected = classify_naively(heap);
  const ClassifiedBlocks classified = heap.classify();
  ASSERT_EQ(classified.size(), expected.size());
  for (std::size_t i = 0; i < classified.size(); ++i) {
    const NaiveBlock& block = expected.at(classified.id(i));
    ASSERT_EQ(classified.kind(i), block.kind) << what << ", block " << classified.id(i);
    ASSERT_EQ(classified.cycle(i) != model::kNone, block.cycle.has_value())
        << what << ", block " << classified.id(i);
    if (block.cycle) {
      const std::uint32_t lowest = classified.index().find(*block.cycle);
      ASSERT_EQ(classified.cycle(i), classified.cycle(lowest)) << what;
    }
    const Chain chain = heap.chain(classified, classified.id(i), 1000);
    if (block.kind == model::Kind::still_reachable) {
      ASSERT_EQ(chain.steps.size(), block.distance) << what << ", block " << classified.id(i);
    }
    ASSERT_EQ(chain.steps.empty(), block.kind == model::Kind::definitely_lost) << what;
    for (const Holder& step : chain.steps)
      ASSERT_NE(step.offset, kUnknownOffset) << what;
  }
}

bool same(const ClassifiedBlocks& a, const ClassifiedBlocks& b) {
  if (a.size() != b.size() || a.cycle_count() != b.cycle_count()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Holder x = a.holder(i), y = b.holder(i);
    if (a.kind(i) != b.kind(i) || a.reach(i) != b.reach(i) || a.cycle(i) != b.cycle(i) ||
        a.leader(i) != b.leader(i) || x.from != y.from || x.index != y.index || x.offset != y.offset) {
      return false;
    }
  }
  return true;
}

TEST(GraphRandom, KindsCyclesAndDistancesEqualTheReference) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    expect_like_naive(random_heap(seed), "seed " + std::to_string(seed));
    if (HasFatalFailure()) return;
  }
}

TEST(GraphRandom, EveryKindOccursOften) {
  std::map<char, int> seen;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    for (const char kind : kinds(random_heap(seed).classify()))
      ++seen[kind];
  }
  for (const char kind : {'D', 'I', 'P', 'R'})
    EXPECT_GT(seen[kind], 200) << kind;
}

TEST(GraphRandom, NoRoomForPointersChangesNothing) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Heap heap = random_heap(seed);
    const ClassifiedBlocks kept = heap.classify();
    heap.options.edge_budget_bytes = 0;
    ASSERT_TRUE(same(kept, heap.classify())) << seed;
  }
}

/// Enough blocks for many tasks, pointers at random, a third of them held somewhere.
Heap large_heap(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Heap heap;
  constexpr std::uint32_t kBlocks = 70'000;
  for (std::uint32_t i = 0; i < kBlocks; ++i)
    heap.block(16 + random() % 8 * 16);
  heap.block(std::uint64_t{5} << 20);
  for (std::uint32_t i = 0; i < kBlocks; ++i) {
    for (std::uint64_t word = 0; word < random() % 3; ++word) {
      heap.point(i, word * 8, static_cast<std::uint32_t>(random() % kBlocks), random() % 8 == 0 ? 8 : 0);
    }
  }
  for (std::uint64_t i = 0; i < 1000; ++i)
    heap.point(kBlocks, i * 5000, static_cast<std::uint32_t>(random() % kBlocks));
  std::vector<std::uint64_t> words(300'000);  // more than one piece of root
  for (int i = 0; i < 50; ++i)
    words[random() % words.size()] = heap.address(static_cast<std::uint32_t>(random() % kBlocks));
  heap.root(words);
  return heap;
}

TEST(GraphRandom, NumberOfThreadsChangesNothing) {
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    Heap heap = large_heap(seed);
    heap.options.threads = 1;
    const ClassifiedBlocks alone = heap.classify();
    for (const unsigned threads : {2u, 5u}) {
      heap.options.threads = threads;
      heap.options.edge_budget_bytes = threads == 5 ? std::uint64_t{512} << 10 : std::uint64_t{64} << 20;
      ASSERT_TRUE(same(alone, heap.classify())) << seed << ", " << threads;
    }
  }
}

TEST(GraphRandom, OverlappingBlocksAreClassifiedTheSameWayEachTime) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 random(seed);
    Heap heap;
    for (int i = 0; i < 80; ++i)
      heap.block_at(kHeapBase + random() % 3000, random() % 400);
    for (int i = 0; i < 200; ++i)
      heap.put_at(kHeapBase + random() % 425 * 8, kHeapBase + random() % 3400);
    if (seed % 2) heap.root({kHeapBase + random() % 3000});
    const ClassifiedBlocks first = heap.classify();
    EXPECT_EQ(kinds(first).find('U'), std::string::npos);
    heap.options.threads = 4;
    heap.options.edge_budget_bytes = 0;
    ASSERT_TRUE(same(first, heap.classify())) << seed;
  }
}

}  // namespace
}  // namespace leakgate::classify::testing

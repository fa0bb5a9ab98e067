// SPDX-License-Identifier: Apache-2.0
// One pass over all blocks, in the order of addresses and by several threads: their pointers into the store,
// facts about their first words into a column. Every later step works on these; memory is read again only
// where the store had no room.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/classify/block_index.h"
#include "harness/classify/edge_store.h"
#include "harness/classify/graph.h"
#include "harness/classify/heuristics.h"
#include "harness/classify/memory_scan.h"

namespace leakgate::classify {

/// Scans every block; `facts` has one byte per block. Adds to heap_bytes and unreadable_bytes of `stats`.
void scan_heap(const BlockIndex& index, const ReadMemory& read, const GraphOptions& options, EdgeStore& edges,
               std::vector<std::uint8_t>& facts, GraphStats& stats);

/// The pointers of single blocks, from the store or from memory.
class EdgeSource {
 public:
  EdgeSource(const BlockIndex& index, const ReadMemory& read, const GraphOptions& options,
             const EdgeStore& store)
      : index_(index), options_(options), store_(store), memory_(read, options.next_touched) {}

  /// The packed pointers of a block; null if it has none. They may lie in `scratch`, which is overwritten.
  const std::uint32_t* words(std::uint32_t block, EdgeList& scratch) {
    return store_.read_again(block) ? read_words(block, scratch) : store_.words(block);
  }
  bool read_again(std::uint32_t block) const { return store_.read_again(block); }
  const EdgeStore& store() const { return store_; }
  std::uint64_t blocks_read() const { return blocks_read_; }

 private:
  const std::uint32_t* read_words(std::uint32_t block, EdgeList& scratch);

  const BlockIndex& index_;
  const GraphOptions& options_;
  const EdgeStore& store_;
  MemoryScan memory_;
  std::uint64_t blocks_read_ = 0;
};

/// Calls visit(from, end) for each part of block i that belongs to no block nested in it.
template <typename Visit>
void for_each_own_part(const BlockIndex& index, std::uint32_t i, Visit&& visit) {
  const std::uint64_t end = index.end(i);
  std::size_t next = std::size_t{i} + 1;
  if (next >= index.size() || index.address(next) >= end) return visit(index.address(i), end);
  for (std::uint64_t at = index.address(i); at < end;) {
    const std::uint32_t owner = index.find(at);
    if (owner != i && owner != BlockIndex::kNotFound) {
      at = index.end(owner);
      continue;
    }
    next = index.lower_bound(at + 1);
    const std::uint64_t stop = next < index.size() ? std::min(end, index.address(next)) : end;
    if (owner == i) visit(at, stop);
    at = stop;
  }
}

/// The same for what is searched: with what its program may use behind it.
template <typename Visit>
void for_each_searched_part(const BlockIndex& index, const GraphOptions& options, std::uint32_t i,
                            Visit&& visit) {
  for_each_own_part(index, i, visit);
  if (!options.slack) return;
  const std::uint64_t end = index.address(i) + index.size_bytes(i);
  if (const std::uint64_t bytes = options.slack(index.id(i)); bytes != 0)
    visit(align_down8(end), end + bytes);  // with the word that the block ends in
}

}  // namespace leakgate::classify

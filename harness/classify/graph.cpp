// SPDX-License-Identifier: Apache-2.0
// The steps in order: index the blocks, scan them, scan the roots, follow pointers, order the lost.
#include "harness/classify/graph.h"

#include <utility>

#include "harness/base/workers.h"
#include "harness/classify/edge_store.h"
#include "harness/classify/heap_scan.h"
#include "harness/classify/heuristics.h"
#include "harness/classify/lost_groups.h"
#include "harness/classify/reach.h"
#include "harness/classify/root_scan.h"

namespace leakgate::classify {
namespace {

/// A stack in a block (makecontext) and thread-local storage in one (a library loaded late) keep it, whoever
/// points at it.
void add_blocks_in_use(const BlockIndex& index, std::span<const RootRange> ranges, Reacher& reacher) {
  for (std::size_t root = 0; root < ranges.size(); ++root) {
    const RootRange& range = ranges[root];
    if ((range.kind != RootKind::stack && range.kind != RootKind::tls) || range.end <= range.start) continue;
    const std::uint32_t block = index.find(range.start);
    if (block != BlockIndex::kNotFound) reacher.add_in_use(static_cast<std::uint32_t>(root), block);
  }
}

void add_leaves(const BlockIndex& index, std::size_t ranges, std::span<const RootWords> roots,
                Reacher& reacher) {
  for (std::size_t root = 0; root < roots.size(); ++root) {
    if (!roots[root].hold_alone) continue;
    for (const std::uint64_t word : roots[root].words)
      if (const std::uint32_t block = index.find(word);
          block != BlockIndex::kNotFound && index.address(block) == word)
        reacher.add_leaf(static_cast<std::uint32_t>(ranges + root), block);
  }
}

}  // namespace

ClassifiedBlocks classify_graph(std::vector<LiveBlock> blocks, std::span<const RootRange> roots,
                                std::span<const RootWords> root_words, const ReadMemory& read,
                                const GraphOptions& options) {
  ClassifiedBlocks result;
  result.index_ = BlockIndex(std::move(blocks), worker_count(options.threads));
  result.range_count_ = roots.size();
  const BlockIndex& index = result.index_;
  if (index.size() == 0) return result;

  result.facts_.assign(index.size(), 0);
  EdgeStore store(index.size(), options.edge_budget_bytes);
  scan_heap(index, read, options, store, result.facts_, result.stats_);

  ReachColumns columns(index.size());
  EdgeSource edges(index, read, options, store);
  InteriorRules rules(index, result.facts_, read, options);
  {
    Reacher reacher(index, edges, rules, columns);
    add_leaves(index, roots.size(), root_words, reacher);
    scan_roots(
        index, roots, root_words, read, options, [&](const RootPointer& pointer) { reacher.add(pointer); },
        result.stats_);
    add_blocks_in_use(index, roots, reacher);
    reacher.follow();
  }
  result.cycle_count_ = group_lost(index, edges, rules, columns, result.cycle_);

  result.stats_.blocks_read_again = edges.blocks_read();
  result.kind_ = std::move(columns.kind);
  result.reach_ = std::move(columns.reach);
  result.parent_ = std::move(columns.parent);
  result.parent_detail_ = std::move(columns.detail);
  return result;
}

std::uint32_t ClassifiedBlocks::cycle(std::size_t i) const {
  return cycle_.empty() ? model::kNone : cycle_[i];
}

std::uint32_t ClassifiedBlocks::leader(std::size_t i) const {
  return kind(i) == model::Kind::indirectly_lost ? parent_detail_[i] : static_cast<std::uint32_t>(i);
}

Holder ClassifiedBlocks::holder(std::size_t i) const {
  const std::uint32_t parent = parent_[i];
  Holder holder;
  if (parent == model::kNone) return holder;
  if ((parent & kRootParent) == 0) {
    holder.from = Holder::From::block;
    holder.index = parent;
    return holder;
  }
  const std::uint32_t root = parent & ~kRootParent;
  const bool range = root < range_count_;
  holder.from = range ? Holder::From::root_range : Holder::From::root_words;
  holder.index = range ? root : root - static_cast<std::uint32_t>(range_count_);
  if (parent_detail_[i] != model::kNone) holder.offset = std::uint64_t{parent_detail_[i]} * 8;
  return holder;
}

bool ClassifiedBlocks::has_vtable(std::size_t i) const {
  return (facts_[i] & kVtable) != 0;
}

}  // namespace leakgate::classify

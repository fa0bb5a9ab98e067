// SPDX-License-Identifier: Apache-2.0
// Walks from the block to its root over the holders, and looks into each holder for the pointer.
#include "harness/classify/chain.h"

#include <algorithm>

#include "harness/classify/heap_scan.h"
#include "harness/classify/memory_scan.h"
#include "harness/classify/pointer_batch.h"

namespace leakgate::classify {
namespace {

constexpr std::size_t kFewSteps = 2;
constexpr std::size_t kWindowBytes = std::size_t{16} << 10;

/// Where in block `holder` the pointer at `held` lies: the first at its start where one was what counted,
/// else the first at all.
std::uint64_t pointer_offset(const ClassifiedBlocks& blocks, std::uint32_t holder, std::uint32_t held,
                             const ReadMemory& read, const GraphOptions& options) {
  const BlockIndex& index = blocks.index();
  const bool at_start = blocks.reach(held) == Reach::start;
  MemoryScan memory(read, options.next_touched, kWindowBytes);
  PointerBatch batch(index, options.pointer_mask);
  batch.only_into(held);
  std::uint64_t found = kUnknownOffset;
  const auto look = [&](std::uint32_t, std::uint64_t address, const BlockPointer& pointer) {
    if (found == kUnknownOffset && pointer.target == held && (pointer.offset == 0 || !at_start)) {
      found = address - index.address(holder);
    }
  };
  for_each_searched_part(index, options, holder, [&](std::uint64_t from, std::uint64_t end) {
    if (found != kUnknownOffset) return;
    memory.scan(from, end, end, [&](std::uint64_t address, const std::uint64_t* words, std::size_t count) {
      batch.add(holder, address, words, count, look);
      batch.finish(look);
      return found == kUnknownOffset;
    });
  });
  return found;
}

}  // namespace

Chain chain_of(const ClassifiedBlocks& blocks, std::size_t i, const ReadMemory& read,
               const GraphOptions& options, std::size_t max_steps) {
  max_steps = std::max(max_steps, kFewSteps);
  Chain chain;
  std::vector<Holder> inwards;  // the block's own holder first
  std::uint32_t held = static_cast<std::uint32_t>(i);
  // Each step is one nearer to the root, so there are fewer than blocks.
  for (Holder holder = blocks.holder(held); holder.from != Holder::From::none; holder = blocks.holder(held)) {
    const bool root = holder.from != Holder::From::block;
    const bool outermost = root || blocks.holder(holder.index).from == Holder::From::none;
    const bool keep = outermost || inwards.size() + 1 < max_steps;
    if (keep) {
      if (!root) holder.offset = pointer_offset(blocks, holder.index, held, read, options);
      inwards.push_back(holder);
    } else {
      ++chain.left_out;
    }
    if (root) break;
    held = holder.index;
  }
  chain.steps.assign(inwards.rbegin(), inwards.rend());
  return chain;
}

}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// Ancestors are asked for their blocks when a child is looked at: most forks are never looked at.
#include "harness/capture/inherited_blocks.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "harness/capture/known_blocks.h"

namespace leakgate::capture {

using model::HeldBlock;

HeldBlock held_block(const lg_live_key& key, const lg_live& block) {
  HeldBlock row;
  row.address = key.addr;
  row.size_bytes = block.size;
  row.time_ms = block.time_ms;
  row.window = block.test;
  row.stack = block.stack;
  row.ignored = (block.tid & LG_LIVE_IGNORED) != 0;
  return row;
}

void InheritedBlocks::fork(std::uint32_t parent, std::uint32_t child, std::uint64_t time_ns) {
  constexpr std::uint64_t kMs = 1'000'000;
  const std::uint64_t since_ms = time_ns > start_ns_ ? (time_ns - start_ns_) / kMs : 0;
  if (origins_.emplace(child, Origin{parent, static_cast<std::uint32_t>(since_ms)}).second)
    ++children_[parent];
}

void InheritedBlocks::end(std::uint32_t process) {
  if (children_.contains(process)) kept_[process] = blocks_of(process, ~0u);
  const auto origin = origins_.find(process);
  if (origin == origins_.end()) return;
  const auto siblings = children_.find(origin->second.parent);
  if (siblings != children_.end() && --siblings->second == 0) {
    kept_.erase(siblings->first);
    children_.erase(siblings);
  }
  origins_.erase(origin);
}

std::vector<HeldBlock> InheritedBlocks::blocks_of(std::uint32_t process, std::uint32_t time_ms) const {
  std::vector<HeldBlock> blocks;
  if (const auto kept = kept_.find(process); kept != kept_.end()) {
    std::copy_if(kept->second.begin(), kept->second.end(), std::back_inserter(blocks),
                 [=](const HeldBlock& block) { return block.time_ms <= time_ms; });
    return blocks;
  }
  visit_(process, [&](const HeldBlock& block) {
    if (block.time_ms <= time_ms) blocks.push_back(block);
  });
  sort_by_address(blocks);
  add_to(process, blocks);
  return blocks;
}

void InheritedBlocks::add_to(std::uint32_t process, std::vector<HeldBlock>& blocks) const {
  const auto origin = origins_.find(process);
  if (origin == origins_.end()) return;
  std::vector<HeldBlock> inherited = blocks_of(origin->second.parent, origin->second.time_ms);
  const std::size_t own = blocks.size();
  for (HeldBlock& block : inherited) {
    const auto next = std::upper_bound(
        blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(own), block.address,
        [](std::uint64_t address, const HeldBlock& other) { return address < other.address; });
    if (next != blocks.begin()) {
      const HeldBlock& before = *std::prev(next);
      if (block.address - before.address < std::max<std::uint64_t>(before.size_bytes, 1)) continue;
    }
    block.inherited = 1;
    blocks.push_back(block);
  }
  if (blocks.size() != own) sort_by_address(blocks);
}

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// Ancestors are asked for their blocks when a child is looked at: most forks are never looked at.
#include "harness/capture/inherited_blocks.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "harness/capture/known_blocks.h"

namespace leakgate::capture {

using model::HeldBlock;

namespace {

constexpr int kMostAncestors = 64;
/// Blocks count their time in timer ticks (bpf/task.bpf.h), which may be ahead of the clock by one of these.
constexpr std::uint32_t kLongestTickMs = 10;

/// Whether one of the blocks, which are sorted, has this address in it.
bool begins_in_one(const std::vector<HeldBlock>& blocks, std::uint64_t address) {
  const auto next =
      std::upper_bound(blocks.begin(), blocks.end(), address,
                       [](std::uint64_t at, const HeldBlock& block) { return at < block.address; });
  if (next == blocks.begin()) return false;
  const HeldBlock& before = *std::prev(next);
  return address - before.address < std::max<std::uint64_t>(before.size_bytes, 1);
}

}  // namespace

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
  if (origins_.emplace(child, Origin{parent, static_cast<std::uint32_t>(since_ms) + kLongestTickMs}).second)
    ++children_[parent];
}

void InheritedBlocks::end(std::uint32_t process) {
  if (children_.contains(process)) {
    std::vector<HeldBlock> blocks = blocks_of(process);
    add_to(process, blocks);
    kept_[process] = std::move(blocks);
  }
  const auto origin = origins_.find(process);
  if (origin == origins_.end()) return;
  const auto siblings = children_.find(origin->second.parent);
  if (siblings != children_.end() && --siblings->second == 0) {
    kept_.erase(siblings->first);
    children_.erase(siblings);
  }
  origins_.erase(origin);
}

std::vector<HeldBlock> InheritedBlocks::blocks_of(std::uint32_t process) const {
  if (const auto kept = kept_.find(process); kept != kept_.end()) return kept->second;
  std::vector<HeldBlock> blocks;
  visit_(process, [&](const HeldBlock& block) { blocks.push_back(block); });
  sort_by_address(blocks);
  return blocks;
}

void InheritedBlocks::add_to(std::uint32_t process, std::vector<HeldBlock>& blocks) const {
  auto origin = origins_.find(process);
  for (int i = 0; i < kMostAncestors && origin != origins_.end(); ++i) {
    std::vector<HeldBlock> inherited = blocks_of(origin->second.parent);
    std::erase_if(inherited, [&](const HeldBlock& block) {
      return block.time_ms > origin->second.time_ms || begins_in_one(blocks, block.address);
    });
    for (HeldBlock& block : inherited)
      block.inherited = 1;
    blocks.insert(blocks.end(), inherited.begin(), inherited.end());
    sort_by_address(blocks);
    origin = origins_.find(origin->second.parent);  // none of one that is over
  }
}

}  // namespace leakgate::capture

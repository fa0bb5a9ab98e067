// SPDX-License-Identifier: Apache-2.0
// Ancestors are asked for their blocks when a child is looked at: most forks are never looked at.
#include "harness/capture/inherited_blocks.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "harness/capture/known_blocks.h"

namespace leakgate::capture {

using model::HeldBlock;

namespace {

constexpr int kMostAncestors = 64;
/// Blocks count their time in timer ticks (bpf/task.bpf.h), which may be ahead of the clock by one of these.
constexpr std::uint32_t kLongestTickMs = 10;

/// An inherited block is gone where one of the process's own begins before it and reaches into it, or with
/// it.
HeldBlock first_byte_of(HeldBlock block) {
  block.size_bytes = 1;
  return block;
}

/// Places in memory, each used once.
class Places {
 public:
  /// False: some of it is in use.
  bool take(const HeldBlock& block) {
    const std::uint64_t end = block.address + std::max<std::uint64_t>(block.size_bytes, 1);
    const auto next = ends_.lower_bound(block.address);
    if (next != ends_.end() && next->first < end) return false;
    if (next != ends_.begin() && std::prev(next)->second > block.address) return false;
    ends_.emplace_hint(next, block.address, end);
    return true;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> ends_;  ///< by address
};

/// What the owner of an estate had when it forked `child`, at `time_ms`, in no order.
std::vector<HeldBlock> had_at_fork(std::vector<HeldBlock> blocks, std::vector<FamilyLedger::Left> left,
                                   std::uint32_t child, std::uint32_t time_ms) {
  std::erase_if(blocks, [&](const HeldBlock& block) { return block.time_ms > time_ms; });
  // left to an earlier child, it was freed before this one was forked
  std::erase_if(left, [&](const FamilyLedger::Left& each) {
    return each.child < child || each.block.time_ms > time_ms;
  });
  if (left.empty()) return blocks;
  // where two had one place, it was the one's that was freed first: the other was made after the fork
  std::sort(left.begin(), left.end(), [](const FamilyLedger::Left& a, const FamilyLedger::Left& b) {
    return std::tie(a.child, a.block.time_ms, a.block.address) <
           std::tie(b.child, b.block.time_ms, b.block.address);
  });
  Places places;
  std::vector<HeldBlock> had;
  for (const FamilyLedger::Left& each : left)
    if (places.take(each.block)) had.push_back(each.block);
  for (const HeldBlock& block : blocks)
    if (places.take(block)) had.push_back(block);
  return had;
}

}  // namespace

void InheritedBlocks::fork(std::uint32_t parent, std::uint32_t child, std::uint64_t time_ns) {
  constexpr std::uint64_t kMs = 1'000'000;
  const std::uint64_t since_ms = time_ns > start_ns_ ? (time_ns - start_ns_) / kMs : 0;
  if (!origins_.emplace(child, Origin{parent, static_cast<std::uint32_t>(since_ms) + kLongestTickMs}).second)
    return;
  Family& family = families_[parent];
  family.children.insert(child);
  ++family.living;
}

void InheritedBlocks::end(std::uint32_t process) {
  if (const auto family = families_.find(process); family != families_.end() && !family->second.estate) {
    Estate estate = estate_of(process);
    // with what it has freed itself: a child may have been forked before
    add(process, {}, estate.blocks);
    family->second.estate = std::move(estate);
  }
  const auto origin = origins_.find(process);
  if (origin == origins_.end()) return;
  const auto parents = families_.find(origin->second.parent);
  if (parents != families_.end() && --parents->second.living == 0) {
    ledger_->forget(parents->first, parents->second.children);
    families_.erase(parents);
  }
  origins_.erase(origin);
}

InheritedBlocks::Estate InheritedBlocks::estate_of(std::uint32_t process) const {
  const auto family = families_.find(process);
  if (family != families_.end() && family->second.estate) return *family->second.estate;
  return {ledger_->blocks_of(process), ledger_->freed_by(process)};
}

void InheritedBlocks::add_to(std::uint32_t process, std::vector<HeldBlock>& blocks) const {
  if (!origins_.contains(process)) return;
  std::set<std::uint64_t> gone;
  for (const FamilyLedger::Gone& each : ledger_->freed_by(process).gone)
    gone.insert(each.address);
  add(process, std::move(gone), blocks);
}

void InheritedBlocks::add(std::uint32_t process, std::set<std::uint64_t> gone,
                          std::vector<HeldBlock>& blocks) const {
  std::uint32_t child = process;
  auto origin = origins_.find(child);
  for (int i = 0; i < kMostAncestors && origin != origins_.end(); ++i) {
    const auto [parent, time_ms] = origin->second;
    Estate estate = estate_of(parent);
    // what the parent had freed of its own inheritance when it forked
    std::set<std::uint64_t> gone_before;
    for (const FamilyLedger::Gone& each : estate.freed.gone)
      if (each.time_ms + 2 * kLongestTickMs < time_ms) gone_before.insert(each.address);
    std::vector<HeldBlock> inherited =
        had_at_fork(std::move(estate.blocks), std::move(estate.freed.left), child, time_ms);
    std::erase_if(inherited, [&](const HeldBlock& block) {
      return gone.contains(block.address) || (block.inherited && gone_before.contains(block.address)) ||
             overlaps(blocks, first_byte_of(block));
    });
    for (HeldBlock& block : inherited)
      block.inherited = 1;
    blocks.insert(blocks.end(), inherited.begin(), inherited.end());
    sort_by_address(blocks);
    gone.merge(gone_before);
    child = parent;
    origin = origins_.find(child);  // none of one that is over
  }
}

}  // namespace leakgate::capture

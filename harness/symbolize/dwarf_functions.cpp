// SPDX-License-Identifier: Apache-2.0
// Functions and inlined calls of a unit; see dwarf_functions.h.
#include "harness/symbolize/dwarf_functions.h"

#include <dwarf.h>

#include <algorithm>

#include "harness/symbolize/dwarf_walk.h"

namespace leakgate::symbolize {
namespace {

constexpr std::size_t kMaxFunctionsPerUnit = 2'000'000;
constexpr std::size_t kMaxInlinedCalls = 262'144;
constexpr std::uint32_t kMaxInlineLevel = 64;
constexpr std::size_t kMaxOverlap = 64;

bool may_hold_functions(int tag) {
  switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
    case DW_TAG_inlined_subroutine:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
      return true;
    default:
      return false;
  }
}

std::uint32_t small_attribute(Dwarf_Die* die, unsigned attribute) {
  const std::uint64_t value = unsigned_attribute(die, attribute).value_or(0);
  return value > UINT32_MAX ? 0 : static_cast<std::uint32_t>(value);
}

}  // namespace

FunctionIndex::FunctionIndex(Dwarf_Die unit, Depth depth, const ElfFile& code, WorkBudget& budget) {
  walk(unit, depth, 0, code, budget);
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    // At one start the longer comes first: a backward walk meets the smaller, more exact one sooner.
    return a.range.low != b.range.low ? a.range.low < b.range.low : a.range.high > b.range.high;
  });
  entries_.shrink_to_fit();
  functions_.shrink_to_fit();
}

void FunctionIndex::walk(Dwarf_Die parent, Depth depth, int level, const ElfFile& code, WorkBudget& budget) {
  if (level > kMaxDieDepth) return;
  for_each_child(&parent, budget, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_subprogram) {
      const auto function = static_cast<std::uint32_t>(functions_.size());
      const std::size_t before = entries_.size();
      for_each_range(&child, code, budget, [&](const AddressRange& range) {
        entries_.push_back({range, function});
      });
      if (entries_.size() > before) functions_.push_back(child);
    }
    const bool descend = depth == Depth::deep ? may_hold_functions(tag) : tag == DW_TAG_namespace;
    if (descend) walk(child, depth, level + 1, code, budget);
    return entries_.size() < kMaxFunctionsPerUnit;
  });
}

const Dwarf_Die* FunctionIndex::find(std::uint64_t address) const {
  auto it = std::upper_bound(entries_.begin(), entries_.end(), address,
                             [](std::uint64_t value, const Entry& entry) { return value < entry.range.low; });
  for (std::size_t steps = 0; it != entries_.begin() && steps < kMaxOverlap; ++steps) {
    --it;
    if (it->range.contains(address)) return &functions_[it->function];
  }
  return nullptr;
}

std::size_t FunctionIndex::memory_bytes() const {
  return entries_.capacity() * sizeof(Entry) + functions_.capacity() * sizeof(Dwarf_Die);
}

InlineTree::InlineTree(Dwarf_Die function, const ElfFile& code, WorkBudget& budget) {
  walk(function, 0, 1, 0, code, budget);
  calls_.shrink_to_fit();
  entries_.shrink_to_fit();
}

void InlineTree::walk(Dwarf_Die parent, std::uint32_t parent_call, std::uint32_t inline_level, int level,
                      const ElfFile& code, WorkBudget& budget) {
  if (level > kMaxDieDepth || inline_level > kMaxInlineLevel) return;
  for_each_child(&parent, budget, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block) {
      walk(child, parent_call, inline_level, level + 1, code, budget);
    } else if (tag == DW_TAG_inlined_subroutine) {
      const auto call = static_cast<std::uint32_t>(calls_.size());
      calls_.push_back({child, parent_call, small_attribute(&child, DW_AT_call_file),
                        small_attribute(&child, DW_AT_call_line),
                        small_attribute(&child, DW_AT_call_column)});
      for_each_range(&child, code, budget, [&](const AddressRange& range) {
        entries_.push_back({range, call, inline_level});
      });
      walk(child, call + 1, inline_level + 1, level + 1, code, budget);
    }
    return calls_.size() < kMaxInlinedCalls && entries_.size() < kMaxInlinedCalls * 4;
  });
}

void InlineTree::find(std::uint64_t address, std::vector<const InlinedCall*>& chain) const {
  const Entry* deepest = nullptr;
  for (const Entry& entry : entries_) {
    if (entry.range.contains(address) && (deepest == nullptr || entry.level > deepest->level))
      deepest = &entry;
  }
  if (deepest == nullptr) return;
  for (std::uint32_t index = deepest->call + 1; index != 0; index = calls_[index - 1].parent) {
    chain.push_back(&calls_[index - 1]);
  }
}

std::size_t InlineTree::memory_bytes() const {
  return calls_.capacity() * sizeof(InlinedCall) + entries_.capacity() * sizeof(Entry);
}

}  // namespace leakgate::symbolize

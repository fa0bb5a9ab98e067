// SPDX-License-Identifier: Apache-2.0
// Compilation units by address; see dwarf_units.h.
#include "harness/symbolize/dwarf_units.h"

#include <dwarf.h>

#include <algorithm>

#include "harness/symbolize/dwarf_walk.h"

namespace leakgate::symbolize {
namespace {

constexpr std::size_t kMaxUnits = 1'000'000;
constexpr std::size_t kMaxEntries = 8'000'000;
constexpr std::size_t kMaxOverlap = 16;
constexpr std::size_t kMaxRangeless = 256;

}  // namespace

UnitIndex::UnitIndex(Dwarf* dwarf, const ElfFile& code, WorkBudget& budget) {
  Dwarf_CU* cu = nullptr;
  Dwarf_CU* next = nullptr;
  std::uint8_t type = 0;
  Dwarf_Die die;
  while (units_.size() < kMaxUnits && budget.spend() &&
         dwarf_get_units(dwarf, cu, &next, nullptr, &type, &die, nullptr) == 0) {
    cu = next;
    if (type != DW_UT_compile && type != DW_UT_skeleton) continue;
    const auto unit = static_cast<std::uint32_t>(units_.size());
    units_.push_back({die, type == DW_UT_skeleton});
    const std::size_t before = entries_.size();
    for_each_range(&die, code, budget, [&](const AddressRange& range) {
      if (entries_.size() < kMaxEntries) entries_.push_back({range, unit});
    });
    const auto states_ranges = [&] {
      return dwarf_hasattr(&die, DW_AT_ranges) != 0 || dwarf_hasattr(&die, DW_AT_high_pc) != 0;
    };
    if (entries_.size() == before && rangeless_.size() < kMaxRangeless && !states_ranges())
      rangeless_.push_back(unit);
  }
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.range.low != b.range.low ? a.range.low < b.range.low : a.range.high > b.range.high;
  });
}

void UnitIndex::find(std::uint64_t address, std::vector<std::uint32_t>& units) const {
  auto it = std::upper_bound(entries_.begin(), entries_.end(), address,
                             [](std::uint64_t value, const Entry& entry) { return value < entry.range.low; });
  for (std::size_t steps = 0; it != entries_.begin() && steps < kMaxOverlap; ++steps) {
    --it;
    if (it->range.contains(address)) units.push_back(it->unit);
  }
  units.insert(units.end(), rangeless_.begin(), rangeless_.end());
}

}  // namespace leakgate::symbolize

// SPDX-License-Identifier: Apache-2.0
// Walking DWARF entries (DIEs) with bounds; the few shared steps of those that read the tree.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>

#include "harness/symbolize/elf_file.h"
#include "harness/symbolize/work_budget.h"

namespace leakgate::symbolize {

inline constexpr int kMaxDieDepth = 128;
inline constexpr int kMaxRangesPerDie = 4096;

/// Calls `visit(child)` for each child of `parent` until it returns false or the budget is spent.
template <typename Visit>
void for_each_child(Dwarf_Die* parent, WorkBudget& budget, Visit visit) {
  Dwarf_Die child;
  if (dwarf_haschildren(parent) != 1 || dwarf_child(parent, &child) != 0) return;
  while (budget.spend()) {
    if (!visit(child)) return;
    Dwarf_Die next;
    if (dwarf_siblingof(&child, &next) != 0) return;
    // A sibling link that does not point forward would walk in circles.
    if (static_cast<const char*>(next.addr) <= static_cast<const char*>(child.addr)) return;
    child = next;
  }
}

/// Calls `visit(range)` for each address range of `die` that starts in the code of `code`. Ranges of
/// functions that the linker dropped lie at 0 or at the end of the address space and are not code.
template <typename Visit>
void for_each_range(Dwarf_Die* die, const ElfFile& code, WorkBudget& budget, Visit visit) {
  std::ptrdiff_t position = 0;
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  for (int i = 0; i < kMaxRangesPerDie && budget.spend(); ++i) {
    position = dwarf_ranges(die, position, &base, &low, &high);
    if (position <= 0) return;
    if (high > low && code.is_code(low)) visit(AddressRange{low, high});
  }
}

/// The unsigned constant in `attribute` of `die` itself; nothing if it is absent or of another form.
inline std::optional<std::uint64_t> unsigned_attribute(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute storage;
  Dwarf_Word value = 0;
  if (dwarf_attr(die, attribute, &storage) == nullptr || dwarf_formudata(&storage, &value) != 0)
    return std::nullopt;
  return value;
}

}  // namespace leakgate::symbolize

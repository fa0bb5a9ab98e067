// SPDX-License-Identifier: Apache-2.0
// UnitIndex: the compilation units of a module by address.
// Read from the units themselves, not from .debug_aranges: clang writes none, and a file may have them for
// some units only.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

#include "harness/symbolize/elf_file.h"
#include "harness/symbolize/work_budget.h"

namespace leakgate::symbolize {

/// All units of one DWARF file.
class UnitIndex {
 public:
  struct Unit {
    Dwarf_Die
        die{};  ///< the unit's entry in the file itself (of split DWARF, the skeleton): has the line table
    bool skeleton = false;  ///< the functions are in a .dwo file
  };

  UnitIndex() = default;
  UnitIndex(Dwarf* dwarf, const ElfFile& code, WorkBudget& budget);

  /// Indexes of the units whose ranges cover `address`, nearest start first; then those that state no range
  /// at all.
  void find(std::uint64_t address, std::vector<std::uint32_t>& units) const;
  [[nodiscard]] const std::vector<Unit>& units() const { return units_; }

 private:
  struct Entry {
    AddressRange range;
    std::uint32_t unit;
  };
  std::vector<Unit> units_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> rangeless_;
};

}  // namespace leakgate::symbolize

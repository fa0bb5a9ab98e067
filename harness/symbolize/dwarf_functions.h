// SPDX-License-Identifier: Apache-2.0
// FunctionIndex: the functions of one compilation unit by address. InlineTree: what was inlined into one of
// them. Both are read from the DWARF tree once, when first needed, and then answer from sorted or flat
// arrays.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

#include "harness/symbolize/elf_file.h"
#include "harness/symbolize/work_budget.h"

namespace leakgate::symbolize {

/// The concrete functions (DW_TAG_subprogram with code) of one unit.
class FunctionIndex {
 public:
  /// How far down the tree is read: `shallow` looks into namespaces only, which finds all but a few functions
  /// at a fraction of the cost; `deep` also into types and functions (GCC puts a local lambda's body there).
  enum class Depth { shallow, deep };

  FunctionIndex() = default;
  FunctionIndex(Dwarf_Die unit, Depth depth, const ElfFile& code, WorkBudget& budget);

  /// The function that covers `address`, the smallest range if several do; null if none does.
  [[nodiscard]] const Dwarf_Die* find(std::uint64_t address) const;
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Entry {
    AddressRange range;
    std::uint32_t function;
  };
  void walk(Dwarf_Die parent, Depth depth, int level, const ElfFile& code, WorkBudget& budget);

  std::vector<Entry> entries_;
  std::vector<Dwarf_Die> functions_;
};

/// One inlined call: which function, and where it was called from.
struct InlinedCall {
  Dwarf_Die die;
  std::uint32_t parent = 0;  ///< index + 1 of the call it is nested in; 0: directly in the function
  std::uint32_t call_file = 0;
  std::uint32_t call_line = 0;
  std::uint32_t call_column = 0;
};

/// The inlined calls of one function.
class InlineTree {
 public:
  InlineTree() = default;
  InlineTree(Dwarf_Die function, const ElfFile& code, WorkBudget& budget);

  /// The chain of inlined calls at `address`, innermost first; empty if the code is the function's own.
  void find(std::uint64_t address, std::vector<const InlinedCall*>& chain) const;
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Entry {
    AddressRange range;
    std::uint32_t call;
    std::uint32_t level;
  };
  void walk(Dwarf_Die parent, std::uint32_t parent_call, std::uint32_t inline_level, int level,
            const ElfFile& code, WorkBudget& budget);

  std::vector<InlinedCall> calls_;
  std::vector<Entry> entries_;
};

}  // namespace leakgate::symbolize

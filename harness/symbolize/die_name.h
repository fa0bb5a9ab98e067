// SPDX-License-Identifier: Apache-2.0
// DieNames: the name of a function's DWARF entry, from its linker name or, where it has none (GCC gives
// static functions, local classes and lambdas none), put together from the scopes around it and its
// parameters.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/symbolize/demangle.h"
#include "harness/symbolize/work_budget.h"

namespace leakgate::symbolize {

/// Names functions of one module; remembers what it has named.
class DieNames {
 public:
  explicit DieNames(WorkBudget& budget) : budget_(budget) {}

  /// The name of the function that `die` (a subprogram or an inlined subroutine) stands for; empty if it has
  /// none.
  [[nodiscard]] const FunctionName& function_name(const Dwarf_Die& die);
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  /// An entry that other entries are named inside of. Addresses in the DWARF data are in preorder: an entry's
  /// own entries stand between it and the next of its siblings.
  struct Scope {
    const char* end;  ///< address of the next sibling; null: the last one, which ends with its parent
    Dwarf_Die die;
  };
  using Scopes = std::vector<Scope>;  ///< by address

  FunctionName make_name(Dwarf_Die die);
  std::string source_name(Dwarf_Die declaration);
  std::string qualifier(Dwarf_Die die, int depth);
  std::string parameters(Dwarf_Die function, int depth);
  std::string lambda_text(Dwarf_Die type, int depth);
  bool is_const_method(Dwarf_Die function);
  std::string type_name(Dwarf_Die* owner, int depth);
  std::string type_text(Dwarf_Die type, int depth);
  /// The entries around `die` that name it, outermost first.
  std::vector<Dwarf_Die> scopes_around(Dwarf_Die die);
  const Scopes& scopes_in(Dwarf_Die parent);

  WorkBudget& budget_;
  std::unordered_map<const void*, FunctionName> names_;  ///< by address of the entry
  std::unordered_map<const void*, Scopes> scopes_;       ///< by address of the entry they are in
  std::size_t memory_bytes_ = 0;
  std::vector<const void*> under_way_;  ///< entries whose source_name() is being made
};

}  // namespace leakgate::symbolize

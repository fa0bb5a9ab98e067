// SPDX-License-Identifier: Apache-2.0
// The state that call frame instructions build: how the CFA and the three registers a walker needs are found
// at one pc. Free of processor facts; which DWARF register fills which slot, and which states have a row,
// says unwind_x86_64.
#pragma once

#include <cstdint>

namespace leakgate::capture {

/// An address the walker could compute: what a DWARF expression, or a register plus an offset, boils down to.
struct AddressForm {
  enum class Kind : std::uint8_t {
    none,           ///< nothing said yet
    register_plus,  ///< reg + offset
    deref,          ///< *(reg + offset) + added
    plt,            ///< stack pointer + 8, plus 8 where (pc & 15) >= plt_limit
    unknown,        ///< an expression we do not know
  };
  Kind kind = Kind::none;
  std::uint8_t plt_limit = 0;
  std::uint64_t reg = 0;
  std::int64_t offset = 0;
  std::uint64_t added = 0;  ///< to what was loaded; deref alone

  bool operator==(const AddressForm&) const = default;
};

/// Where a register of the caller is.
struct RegisterRule {
  enum class Kind : std::uint8_t {
    unset,          ///< no instruction named it: the ABI's default holds
    undefined,      ///< cannot be recovered
    same,           ///< unchanged in this frame
    saved_at_cfa,   ///< at CFA + offset
    saved_at_form,  ///< at the address `form`
    unknown,        ///< in another register, a computed value, or an unknown expression
    is_cfa,         ///< equal to CFA + offset (val_offset)
  };
  Kind kind = Kind::unset;
  std::int64_t offset = 0;
  AddressForm form;

  bool operator==(const RegisterRule&) const = default;
};

/// The registers that are followed.
enum class CfiSlot : std::uint8_t { frame_pointer, stack_pointer, return_address, none };

/// The whole row of the (virtual) CFI table, cut down to what a walk needs.
struct CfiState {
  AddressForm cfa;
  RegisterRule registers[3];  ///< indexed by CfiSlot

  [[nodiscard]] const RegisterRule& at(CfiSlot slot) const { return registers[static_cast<int>(slot)]; }
  bool operator==(const CfiState&) const = default;
};

}  // namespace leakgate::capture

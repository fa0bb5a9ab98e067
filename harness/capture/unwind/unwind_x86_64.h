// SPDX-License-Identifier: Apache-2.0
// Everything the unwinder knows about x86-64: DWARF register numbers, the expressions that have a row, the
// frame the kernel builds for a signal, procedure linkage tables. The DWARF machinery around it is the same
// on any processor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bpf/wire.h"
#include "harness/capture/unwind/byte_reader.h"
#include "harness/capture/unwind/cfi_rules.h"

namespace leakgate::capture::x86_64 {

/// ELF e_machine of the processor.
inline constexpr unsigned kElfMachine = 62;
/// DWARF number of the return address column.
inline constexpr std::uint64_t kReturnAddressColumn = 16;
/// Offsets from rsp, at the signal trampoline, to the interrupted rbp, rsp and rip: the kernel's ucontext
/// starts at rsp, its general registers 40 bytes in.
inline constexpr int kSignalRbp = 40 + 10 * 8;
inline constexpr int kSignalRsp = 40 + 15 * 8;
inline constexpr int kSignalRip = 40 + 16 * 8;
/// A PLT entry pushes its number and jumps to the resolver: from this offset in its 16 bytes on, one more
/// word is on the stack.
inline constexpr std::uint8_t kPltPushed = 11;
/// The same where entries start with endbr64.
inline constexpr std::uint8_t kPltPushedIbt = 9;

/// The slot of DWARF register `number`, CfiSlot::none for those a walk does not follow.
CfiSlot slot_of(std::uint64_t number);

/// What the DWARF expression `expression` computes; kind unknown for everything outside the forms listed in
/// AddressForm.
AddressForm classify_expression(ByteReader expression);

/// The row rule (lg_row::rule) of a state; LG_RULE_UNSUPPORTED when the rule has no room or no kind for it. A
/// PLT form whose limit is not kPltPushed is unsupported here: expand it first. `signal_frame`: the CIE's
/// augmentation has an 'S'.
std::uint32_t encode_rule(const CfiState& state, bool signal_frame);

/// Rule "CFA = rsp + offset, rbp unchanged" (`offset` a multiple of 8 in range).
std::uint32_t plain_rule(int offset);

/// Whether a .plt entry (its first bytes) starts with endbr64.
bool is_ibt_entry(std::span<const std::uint8_t> entry);

/// Offsets in `code` at which the instructions of a signal return trampoline (mov $15, eax or rax; syscall)
/// start, at most `limit` of them. Musl's trampoline has no CFI.
std::vector<std::uint32_t> find_signal_returns(std::span<const std::uint8_t> code, std::size_t limit);

}  // namespace leakgate::capture::x86_64

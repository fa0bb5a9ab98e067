// SPDX-License-Identifier: Apache-2.0
// x86-64 instructions as the probe planner sees them: what the kernel does with a probe on one, where it
// leads, what it does to the stack pointer and to the argument registers. All that depends on the processor
// is in this part. In: bytes. Out: plain structs. It knows nothing of functions, symbols or files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace leakgate::capture {

/// What a hit costs: emulated is about 1 to 3 us under virtualisation, single_stepped 10 to 20 us.
enum class CostClass { emulated, single_stepped };

/// Integer argument registers as bits: bit 0 rdi, then rsi, rdx, rcx, r8, r9.
using ArgumentSet = std::uint8_t;

/// Where control goes after an instruction.
enum class Flow { next, conditional_branch, jump, indirect_jump, call, leave, near_return };

struct Instruction {
  std::uint32_t length_bytes = 0;
  CostClass cost = CostClass::single_stepped;
  const char* refused = nullptr;  ///< why the kernel takes no probe here; nullptr: it does
  Flow flow = Flow::next;
  std::optional<std::uint64_t> target;  ///< of a direct jump, branch or call
  std::optional<std::uint64_t>
      target_slot;  ///< of an indirect jump or call through a fixed pointer ([rip+x])
  std::optional<std::uint64_t> address_taken;  ///< rip-relative address it forms without reading memory (lea)
  ArgumentSet written_arguments = 0;           ///< argument registers it may change, wholly or in part
  bool moves_stack_pointer = false;
  std::optional<std::int32_t> stack_growth_bytes;  ///< known growth of the stack (push: 8); none: unknown
  bool writes_flags = false;
  bool tests_first_argument = false;  ///< compares the whole of rdi with zero, result in the zero flag
  bool branches_if_zero = false;      ///< je/jz
  bool may_use_jump_table = false;    ///< an indirect jump through a register or an indexed table
};

/// Decodes 64-bit code. Cheap to keep, not to be used by two threads at once.
class InstructionDecoder {
 public:
  /// `long_nops_emulated`: the running kernel emulates multi-byte nops as well (6.16 and later).
  explicit InstructionDecoder(bool long_nops_emulated = false);
  ~InstructionDecoder();
  InstructionDecoder(const InstructionDecoder&) = delete;
  InstructionDecoder& operator=(const InstructionDecoder&) = delete;

  /// The instruction at the start of `code`, which is loaded at `vaddr`; none where the bytes are no complete
  /// instruction.
  [[nodiscard]] std::optional<Instruction> decode(std::span<const std::uint8_t> code,
                                                  std::uint64_t vaddr) const;
  /// The same instruction as text, Intel syntax; empty where there is none.
  [[nodiscard]] std::string text(std::span<const std::uint8_t> code, std::uint64_t vaddr) const;

 private:
  struct Zydis;
  std::unique_ptr<Zydis> zydis_;
  bool long_nops_emulated_;
};

}  // namespace leakgate::capture

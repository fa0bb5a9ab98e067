// SPDX-License-Identifier: Apache-2.0
// Decoding with Zydis, and the kernel's rules for probes on x86-64 as tables. The rules are those of the
// Linux kernel's arch/x86/kernel/uprobes.c: branch_setup_xol_ops() and push_setup_xol_ops() say what is
// emulated, uprobe_init_insn() what is refused. Everything else is executed out of line under single-step.
#include "harness/capture/planner/x86_instruction.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace leakgate::capture {
namespace {

using Operands = std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT>;

/// What may stand in front of an opcode for the kernel still to emulate it.
enum class Prefixes {
  any,              ///< anything that keeps it the same instruction
  no_operand_size,  ///< no 0x66 (the kernel refuses such a branch altogether)
  only_rex_b        ///< nothing, or exactly the byte 0x41
};

struct EmulationRule {
  const char* instruction;
  ZydisOpcodeMap map;
  std::uint8_t first, last;  ///< opcode range
  Prefixes prefixes;
};

constexpr std::array kEmulated = {
    EmulationRule{"jcc rel8", ZYDIS_OPCODE_MAP_DEFAULT, 0x70, 0x7f, Prefixes::no_operand_size},
    EmulationRule{"jcc rel32", ZYDIS_OPCODE_MAP_0F, 0x80, 0x8f, Prefixes::no_operand_size},
    EmulationRule{"call rel32", ZYDIS_OPCODE_MAP_DEFAULT, 0xe8, 0xe8, Prefixes::no_operand_size},
    EmulationRule{"jmp rel32", ZYDIS_OPCODE_MAP_DEFAULT, 0xe9, 0xe9, Prefixes::no_operand_size},
    EmulationRule{"jmp rel8", ZYDIS_OPCODE_MAP_DEFAULT, 0xeb, 0xeb, Prefixes::no_operand_size},
    EmulationRule{"push r64", ZYDIS_OPCODE_MAP_DEFAULT, 0x50, 0x57, Prefixes::only_rex_b},
    EmulationRule{"nop", ZYDIS_OPCODE_MAP_DEFAULT, 0x90, 0x90, Prefixes::any},
};

/// The exact long nops the kernel writes itself; other encodings of a nop are single-stepped. Newer kernels
/// only.
constexpr std::array<std::array<std::uint8_t, 8>, 6> kLongNops = {{{0x0f, 0x1f, 0x00},
                                                                   {0x0f, 0x1f, 0x40, 0x00},
                                                                   {0x0f, 0x1f, 0x44, 0x00, 0x00},
                                                                   {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
                                                                   {0x0f, 0x1f, 0x80, 0, 0, 0, 0},
                                                                   {0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}}};

struct RefusalRule {
  std::uint8_t first, last;  ///< opcode range in the one-byte map
  const char* why;
};

constexpr std::array kRefusedOpcodes = {
    RefusalRule{0x6c, 0x6f, "port input or output"},
    RefusalRule{0xcc, 0xcc, "a breakpoint stands there already"},
    RefusalRule{0xcd, 0xce, "software interrupt"},
    RefusalRule{0xcf, 0xcf, "interrupt return"},
    RefusalRule{0xe4, 0xe7, "port input or output"},
    RefusalRule{0xec, 0xef, "port input or output"},
    RefusalRule{0xf1, 0xf1, "debug trap"},
    RefusalRule{0xf4, 0xf4, "privileged instruction"},
    RefusalRule{0xfa, 0xfb, "privileged instruction"},
};

bool has_prefix(const ZydisDecodedInstruction& instruction, std::uint8_t wanted) {
  for (std::uint8_t i = 0; i < instruction.raw.prefix_count; ++i)
    if (instruction.raw.prefixes[i].value == wanted) return true;
  return false;
}

bool prefixes_allow(const ZydisDecodedInstruction& instruction, Prefixes rule, std::uint8_t first_byte) {
  switch (rule) {
    case Prefixes::any:
      return true;
    case Prefixes::no_operand_size:
      return !has_prefix(instruction, 0x66);
    case Prefixes::only_rex_b:
      return instruction.length == 1 || (instruction.length == 2 && first_byte == 0x41);
  }
  return false;
}

bool is_long_nop(std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i < kLongNops.size(); ++i)
    if (bytes.size() == i + 3 && std::equal(bytes.begin(), bytes.end(), kLongNops[i].begin())) return true;
  return false;
}

CostClass cost_of(const ZydisDecodedInstruction& instruction, std::span<const std::uint8_t> bytes,
                  bool long_nops) {
  if (long_nops && is_long_nop(bytes)) return CostClass::emulated;
  if (instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) return CostClass::single_stepped;
  for (const EmulationRule& rule : kEmulated) {
    if (instruction.opcode_map != rule.map || instruction.opcode < rule.first ||
        instruction.opcode > rule.last)
      continue;
    // 41 90 is an exchange with r8, which old kernels take for a nop and so break: never probe it as one.
    if (rule.first == 0x90 && instruction.mnemonic == ZYDIS_MNEMONIC_XCHG &&
        (instruction.attributes & ZYDIS_ATTRIB_HAS_REX))
      return CostClass::single_stepped;
    return prefixes_allow(instruction, rule.prefixes, bytes[0]) ? CostClass::emulated
                                                                : CostClass::single_stepped;
  }
  return CostClass::single_stepped;
}

const char* refusal_of(const ZydisDecodedInstruction& instruction) {
  for (const std::uint8_t bad : {0x26, 0x2e, 0x36, 0x3e, 0xf0})
    if (has_prefix(instruction, bad)) return "it has a segment or lock prefix the kernel takes no probe on";
  if (instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX) return "an EVEX (AVX-512) instruction";
  if (instruction.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) return nullptr;
  if (instruction.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT) {
    for (const RefusalRule& rule : kRefusedOpcodes)
      if (instruction.opcode >= rule.first && instruction.opcode <= rule.last) return rule.why;
    const bool near_branch = instruction.opcode == 0xe8 || instruction.opcode == 0xe9 ||
                             instruction.opcode == 0xeb ||
                             (instruction.opcode >= 0x70 && instruction.opcode <= 0x7f);
    if (near_branch && has_prefix(instruction, 0x66)) return "a branch with an operand-size prefix";
    if (instruction.mnemonic == ZYDIS_MNEMONIC_MOV && instruction.opcode == 0x8e)
      return "it loads a segment register";
  }
  if (instruction.opcode_map == ZYDIS_OPCODE_MAP_0F) {
    if (instruction.opcode >= 0x80 && instruction.opcode <= 0x8f && has_prefix(instruction, 0x66))
      return "a branch with an operand-size prefix";
    switch (instruction.mnemonic) {
      case ZYDIS_MNEMONIC_UD0:
      case ZYDIS_MNEMONIC_UD1:
      case ZYDIS_MNEMONIC_UD2:
      case ZYDIS_MNEMONIC_SYSCALL:
      case ZYDIS_MNEMONIC_SYSENTER:
        return "a system call or trap";
      default:
        break;
    }
  }
  return nullptr;
}

Flow flow_of(const ZydisDecodedInstruction& instruction, const ZydisDecodedOperand& first) {
  switch (instruction.meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
      return Flow::conditional_branch;
    case ZYDIS_CATEGORY_UNCOND_BR:
      return first.type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? Flow::jump : Flow::indirect_jump;
    case ZYDIS_CATEGORY_CALL:
      return Flow::call;
    case ZYDIS_CATEGORY_RET:
      return instruction.mnemonic == ZYDIS_MNEMONIC_RET ? Flow::near_return : Flow::leave;
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_SYSRET:
    case ZYDIS_CATEGORY_INTERRUPT:
      return Flow::leave;
    default:
      break;
  }
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_HLT:
      return Flow::leave;
    default:
      return Flow::next;
  }
}

ArgumentSet argument_bit(ZydisRegister reg) {
  switch (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg)) {
    case ZYDIS_REGISTER_RDI:
      return 1u << 0;
    case ZYDIS_REGISTER_RSI:
      return 1u << 1;
    case ZYDIS_REGISTER_RDX:
      return 1u << 2;
    case ZYDIS_REGISTER_RCX:
      return 1u << 3;
    case ZYDIS_REGISTER_R8:
      return 1u << 4;
    case ZYDIS_REGISTER_R9:
      return 1u << 5;
    default:
      return 0;
  }
}

bool is_stack_pointer(ZydisRegister reg) {
  return reg != ZYDIS_REGISTER_NONE &&
         ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg) == ZYDIS_REGISTER_RSP;
}

std::optional<std::int32_t> stack_growth(const ZydisDecodedInstruction& instruction,
                                         const Operands& operands) {
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_PUSH:
      return instruction.operand_width == 16 ? 2 : 8;
    case ZYDIS_MNEMONIC_SUB:
    case ZYDIS_MNEMONIC_ADD: {
      if (operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER || operands[0].reg.value != ZYDIS_REGISTER_RSP)
        break;
      if (operands[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE) break;
      const std::int64_t bytes = operands[1].imm.value.s;
      if (bytes < -(1 << 24) || bytes > (1 << 24)) break;
      return static_cast<std::int32_t>(instruction.mnemonic == ZYDIS_MNEMONIC_SUB ? bytes : -bytes);
    }
    default:
      break;
  }
  return std::nullopt;
}

/// `test rdi,rdi` or `cmp rdi,0`.
bool compares_first_argument_with_zero(const ZydisDecodedInstruction& instruction, const Operands& operands) {
  if (instruction.operand_count_visible != 2 || operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER) return false;
  if (operands[0].reg.value != ZYDIS_REGISTER_RDI) return false;
  if (instruction.mnemonic == ZYDIS_MNEMONIC_TEST)
    return operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER && operands[1].reg.value == ZYDIS_REGISTER_RDI;
  return instruction.mnemonic == ZYDIS_MNEMONIC_CMP && operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
         operands[1].imm.value.u == 0;
}

/// A jump table is reached through a register or an index; a tail call through one fixed slot ([rip+x]) is
/// not one.
bool is_table_jump(const ZydisDecodedOperand& operand) {
  if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) return true;
  return operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.index != ZYDIS_REGISTER_NONE;
}

void note_operands(const ZydisDecodedInstruction& instruction, const Operands& operands, std::uint64_t vaddr,
                   Instruction& out) {
  for (std::uint8_t i = 0; i < instruction.operand_count; ++i) {
    const ZydisDecodedOperand& operand = operands[i];
    const bool writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && writes) {
      out.written_arguments |= argument_bit(operand.reg.value);
      if (is_stack_pointer(operand.reg.value)) out.moves_stack_pointer = true;
    }
    std::uint64_t address = 0;
    if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand.imm.is_relative &&
        ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction, &operand, vaddr, &address)))
      out.target = address;
    const bool transfers = out.flow == Flow::indirect_jump || out.flow == Flow::call;
    if (transfers && i == 0 && operand.type == ZYDIS_OPERAND_TYPE_MEMORY &&
        operand.mem.base == ZYDIS_REGISTER_RIP &&
        ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction, &operand, vaddr, &address)))
      out.target_slot = address;
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type == ZYDIS_MEMOP_TYPE_AGEN &&
        operand.mem.base == ZYDIS_REGISTER_RIP &&
        ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction, &operand, vaddr, &address)))
      out.address_taken = address;
  }
}

}  // namespace

struct InstructionDecoder::Zydis {
  ZydisDecoder decoder{};
  ZydisFormatter formatter{};
};

InstructionDecoder::InstructionDecoder(bool long_nops_emulated)
    : zydis_(std::make_unique<Zydis>()), long_nops_emulated_(long_nops_emulated) {
  ZydisDecoderInit(&zydis_->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisFormatterInit(&zydis_->formatter, ZYDIS_FORMATTER_STYLE_INTEL);
}

InstructionDecoder::~InstructionDecoder() = default;

std::optional<Instruction> InstructionDecoder::decode(std::span<const std::uint8_t> code,
                                                      std::uint64_t vaddr) const {
  ZydisDecodedInstruction instruction;
  Operands operands{};
  if (!ZYAN_SUCCESS(
          ZydisDecoderDecodeFull(&zydis_->decoder, code.data(), code.size(), &instruction, operands.data())))
    return std::nullopt;
  Instruction out;
  out.length_bytes = instruction.length;
  out.cost = cost_of(instruction, code.first(instruction.length), long_nops_emulated_);
  out.refused = refusal_of(instruction);
  out.flow = flow_of(instruction, operands[0]);
  note_operands(instruction, operands, vaddr, out);
  if (out.moves_stack_pointer) out.stack_growth_bytes = stack_growth(instruction, operands);
  if (const ZydisAccessedFlags* flags = instruction.cpu_flags)
    out.writes_flags = (flags->modified | flags->set_0 | flags->set_1 | flags->undefined) != 0;
  out.tests_first_argument = compares_first_argument_with_zero(instruction, operands);
  out.branches_if_zero = instruction.mnemonic == ZYDIS_MNEMONIC_JZ;
  out.may_use_jump_table = out.flow == Flow::indirect_jump && is_table_jump(operands[0]);
  return out;
}

std::string InstructionDecoder::text(std::span<const std::uint8_t> code, std::uint64_t vaddr) const {
  ZydisDecodedInstruction instruction;
  Operands operands{};
  if (!ZYAN_SUCCESS(
          ZydisDecoderDecodeFull(&zydis_->decoder, code.data(), code.size(), &instruction, operands.data())))
    return {};
  std::array<char, 128> buffer{};
  if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&zydis_->formatter, &instruction, operands.data(),
                                                    instruction.operand_count_visible, buffer.data(),
                                                    buffer.size(), vaddr, nullptr)))
    return {};
  return buffer.data();
}

}  // namespace leakgate::capture

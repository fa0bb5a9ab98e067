// SPDX-License-Identifier: Apache-2.0
// Moving instructions, for x86-64. A stub: the function's address, then
//   push what it tells; call the library; lea 8(%rsp),%rsp; the moved instructions; jmp back
// so that the library comes back 19 bytes behind the stub's start (adapters/preload/entries_x86_64.cpp).
#include "harness/capture/preload/detours.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace leakgate::capture {
namespace {

constexpr std::uint32_t kJumpBytes = 5;
constexpr std::uint64_t kMostScanned = 16384;
constexpr std::uint64_t kPointerBytes = 8;
constexpr std::uint64_t kStubBytes = 96;  // of one: head, at most 5 + 15 bytes moved and made longer, jump
constexpr std::uint64_t kTellBytes = 16;

using Operands = std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT>;

struct Decoded {
  ZydisDecodedInstruction instruction;
  Operands operands;
};

class Decoder {
 public:
  Decoder() { ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64); }
  bool decode(std::span<const std::uint8_t> code, Decoded& out) const {
    return ZYAN_SUCCESS(
        ZydisDecoderDecodeFull(&decoder_, code.data(), code.size(), &out.instruction, out.operands.data()));
  }

 private:
  ZydisDecoder decoder_{};
};

std::optional<std::uint64_t> direct_target(const Decoded& decoded, std::uint64_t address) {
  const ZydisDecodedOperand& operand = decoded.operands[0];
  if (decoded.instruction.operand_count == 0 || operand.type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
      !operand.imm.is_relative)
    return std::nullopt;
  ZyanU64 target = 0;
  if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&decoded.instruction, &operand, address, &target)))
    return std::nullopt;
  return target;
}

Error cannot_move(const char* why) {
  return Error{ErrorKind::unsupported, std::string("no detour can be made: ") + why, "", 0};
}

Result<MovedInstruction> move(const Decoded& decoded, std::span<const std::uint8_t> code,
                              std::uint64_t address) {
  const ZydisDecodedInstruction& instruction = decoded.instruction;
  MovedInstruction moved;
  moved.bytes.assign(code.begin(), code.begin() + instruction.length);
  const auto target = direct_target(decoded, address);
  switch (instruction.meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
      // loop and jrcxz have no long form
      if (!target || (instruction.opcode & 0xf0) == 0xe0) return cannot_move("a branch without a long form");
      moved.branch = target;
      moved.condition = static_cast<std::uint8_t>(0x80 | (instruction.opcode & 0x0f));
      return moved;
    case ZYDIS_CATEGORY_UNCOND_BR:
      moved.ends = true;
      if (target) {
        moved.branch = target;
        return moved;
      }
      break;
    case ZYDIS_CATEGORY_RET:
      moved.ends = true;
      break;
    case ZYDIS_CATEGORY_CALL:
      return cannot_move("a call among the first instructions");
    default:
      if (target) return cannot_move("an unknown branch");
      break;
  }
  const bool relative = (instruction.attributes & ZYDIS_ATTRIB_IS_RELATIVE) != 0;
  if (relative && instruction.raw.disp.size != 32) return cannot_move("a short distance");
  if (relative) moved.displacement_at = instruction.raw.disp.offset;
  return moved;
}

bool is_filler(std::span<const std::uint8_t> code, const Decoded& decoded) {
  return decoded.instruction.mnemonic == ZYDIS_MNEMONIC_NOP || code[0] == 0xcc;
}

/// Nothing in the function leads into the bytes (vaddr, vaddr + length).
bool is_left_alone(const ElfImage& image, const Detour& detour) {
  std::uint64_t size = 0;
  for (const Symbol& symbol : image.functions_at(detour.vaddr))
    size = std::max(size, symbol.size_bytes);
  size = std::min(std::max<std::uint64_t>(size, detour.length), kMostScanned);
  if (!image.code_labels(detour.vaddr, detour.vaddr + detour.length - 1).empty()) return false;
  auto code = image.read_code(detour.vaddr, static_cast<std::size_t>(size));
  if (!code) return true;
  const Decoder decoder;
  for (std::uint64_t at = 0; at < size;) {
    Decoded decoded{};
    if (!decoder.decode(std::span(*code).subspan(at), decoded)) return true;
    const auto target = direct_target(decoded, detour.vaddr + at);
    if (target && *target > detour.vaddr && *target < detour.vaddr + detour.length) return false;
    at += decoded.instruction.length;
  }
  return true;
}

void append(std::vector<std::uint8_t>& out, std::initializer_list<std::uint8_t> bytes) {
  out.insert(out.end(), bytes);
}

/// Appends the 32-bit distance from behind it to `target`. False: too far.
bool append_distance(std::vector<std::uint8_t>& out, std::uint64_t address, std::uint64_t target) {
  const auto distance = static_cast<std::int64_t>(target - (address + out.size() + 4));
  const auto narrow = static_cast<std::int32_t>(distance);
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &narrow, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
  return distance == narrow;
}

bool append_moved(std::vector<std::uint8_t>& out, const MovedInstruction& moved, std::uint64_t from,
                  std::uint64_t bias, std::uint64_t address) {
  if (moved.branch) {
    if (moved.condition != 0)
      append(out, {0x0f, moved.condition});
    else
      append(out, {0xe9});
    return append_distance(out, address, *moved.branch + bias);
  }
  const std::uint64_t at = address + out.size();
  out.insert(out.end(), moved.bytes.begin(), moved.bytes.end());
  if (moved.displacement_at == 0) return true;
  std::int32_t old = 0;
  std::memcpy(&old, moved.bytes.data() + moved.displacement_at, sizeof old);
  const std::int64_t wanted = static_cast<std::int64_t>(from + bias) + old - static_cast<std::int64_t>(at);
  const auto narrow = static_cast<std::int32_t>(wanted);
  std::memcpy(out.data() + out.size() - moved.bytes.size() + moved.displacement_at, &narrow, sizeof narrow);
  return wanted == narrow;
}

}  // namespace

Result<Detour> plan_detour(const ElfImage& image, std::uint64_t vaddr) {
  constexpr std::size_t kRead = 32;
  auto code = image.read_code(vaddr, kRead);
  if (!code) return std::move(code).error();
  const Decoder decoder;
  Detour detour;
  detour.vaddr = vaddr;
  bool ended = false;
  while (detour.length < kJumpBytes) {
    Decoded decoded{};
    const auto rest = std::span<const std::uint8_t>(*code).subspan(detour.length);
    if (!decoder.decode(rest, decoded)) return cannot_move("unknown instructions");
    if (!ended) {
      auto moved = move(decoded, rest, vaddr + detour.length);
      if (!moved) return std::move(moved).error();
      ended = moved->ends;
      detour.moved.push_back(std::move(*moved));
    } else if (!is_filler(rest, decoded)) {
      return cannot_move("the function is too short");
    }
    detour.length += decoded.instruction.length;
  }
  for (const MovedInstruction& moved : detour.moved)
    if (moved.branch && *moved.branch > vaddr && *moved.branch < vaddr + detour.length)
      return cannot_move("a branch among the first instructions");
  if (!is_left_alone(image, detour)) return cannot_move("something jumps to its first instructions");
  return detour;
}

std::vector<std::uint8_t> jump_to(std::uint64_t from, std::uint64_t to, std::uint32_t length) {
  std::vector<std::uint8_t> bytes;
  append(bytes, {0xe9});
  append_distance(bytes, from, to);
  bytes.resize(length, 0x90);
  return bytes;
}

std::uint64_t stub_room(std::span<const Detour> detours) {
  std::uint64_t bytes = kPointerBytes * 2;
  for (const Detour& detour : detours)
    bytes += kStubBytes + detour.tells.size() * kTellBytes;
  return bytes;
}

Result<std::vector<std::uint8_t>> build_stubs(std::span<const Detour> detours, std::uint64_t bias,
                                              std::uint64_t address, std::uint64_t entry,
                                              std::vector<std::uint64_t>& stubs) {
  std::vector<std::uint8_t> out(kPointerBytes * 2);
  std::memcpy(out.data(), &entry, sizeof entry);
  for (const Detour& detour : detours) {
    out.resize((out.size() + 15) / 16 * 16);
    const std::uint64_t function = detour.vaddr + bias;
    std::array<std::uint8_t, 8> words{};
    std::memcpy(words.data(), &function, sizeof function);
    out.insert(out.end(), words.begin(), words.end());
    stubs.push_back(address + out.size());
    bool near = true;
    for (const std::uint32_t tells : detour.tells) {
      std::memcpy(words.data(), &tells, sizeof tells);
      append(out, {0x68, words[0], words[1], words[2], words[3]});  // push
      append(out, {0xff, 0x15});                                    // call *(start)
      near = append_distance(out, address, address) && near;
      append(out, {0x48, 0x8d, 0x64, 0x24, 0x08});  // lea 8(%rsp),%rsp
    }
    std::uint64_t from = detour.vaddr;
    for (const MovedInstruction& moved : detour.moved) {
      // an operand relative to rip counts from the end of the instruction, here as there
      near = append_moved(out, moved, from, bias, address) && near;
      from += moved.bytes.size();
    }
    if (!detour.moved.back().ends) {
      append(out, {0xe9});
      near = append_distance(out, address, function + detour.length) && near;
    }
    if (!near) return Error{ErrorKind::unsupported, "no room near enough for a detour", "", 0};
  }
  return out;
}

}  // namespace leakgate::capture

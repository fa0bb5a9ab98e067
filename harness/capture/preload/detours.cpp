// SPDX-License-Identifier: Apache-2.0
// Moving instructions, for x86-64. A stub: the function's address, then
//   push what it tells; call the library; lea 8(%rsp),%rsp; the moved instructions; jmp back
// so that the library comes back 19 bytes behind the stub's start (adapters/preload/entries_x86_64.cpp).
#include "harness/capture/preload/detours.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "adapters/preload/shared_layout.h"

namespace leakgate::capture {
namespace {

constexpr std::uint32_t kJumpBytes = 5;
constexpr std::uint64_t kMostScanned = 16384;
constexpr std::uint64_t kStubBytes = 96;  // of one: head, at most 5 + 15 bytes moved and made longer, jump
constexpr std::uint64_t kTellBytes = 32;
constexpr std::uint32_t kMostStackWords = 4096;
constexpr int kStackWordsShift = 48;  // in the word in front of a stub: above the function's address

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
      // it is always the last: with it there is room for a jump, and what it calls returns behind that
      if (!target) return cannot_move("an indirect call among the first instructions");
      moved.branch = target;
      moved.returns_to = address + instruction.length;
      moved.ends = true;
      return moved;
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

/// Nothing leads into the bytes that are replaced; nor, where the jump is not at the function's entry, to its
/// place, which would tell the library again.
bool is_left_alone(const ElfImage& image, const Detour& detour) {
  std::uint64_t size = 0;
  for (const Symbol& symbol : image.functions_at(detour.vaddr))
    size = std::max(size, symbol.size_bytes);
  const std::uint64_t end = detour.vaddr + detour.offset + detour.length;
  const std::uint64_t last_free = detour.vaddr + (detour.offset != 0 ? detour.offset - 1 : 0);
  size = std::min(std::max<std::uint64_t>(size, end - detour.vaddr), kMostScanned);
  if (!image.code_labels(last_free, end - 1).empty()) return false;
  auto code = image.read_code(detour.vaddr, static_cast<std::size_t>(size));
  if (!code) return true;
  const Decoder decoder;
  for (std::uint64_t at = 0; at < size;) {
    Decoded decoded{};
    if (!decoder.decode(std::span(*code).subspan(at), decoded)) return true;
    const auto target = direct_target(decoded, detour.vaddr + at);
    if (target && *target > last_free && *target < end) return false;
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

/// Pushes what a call would push, had it not been moved. Flags stay as they are.
void append_return_address(std::vector<std::uint8_t>& out, std::uint64_t address) {
  std::array<std::uint8_t, 8> b{};
  std::memcpy(b.data(), &address, sizeof address);
  append(out, {0x48, 0x8d, 0x64, 0x24, 0xf8});                    // lea -8(%rsp),%rsp
  append(out, {0xc7, 0x04, 0x24, b[0], b[1], b[2], b[3]});        // movl $,(%rsp)
  append(out, {0xc7, 0x44, 0x24, 0x04, b[4], b[5], b[6], b[7]});  // movl $,4(%rsp)
}

bool append_moved(std::vector<std::uint8_t>& out, const MovedInstruction& moved, std::uint64_t from,
                  std::uint64_t bias, std::uint64_t address) {
  if (moved.returns_to != 0) append_return_address(out, moved.returns_to + bias);
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

/// Whether an instruction may stay in front of a detour: it changes nothing but the stack pointer, by a known
/// number of words.
bool may_stay(const Decoded& decoded, std::uint32_t& sp_words) {
  const ZydisDecodedOperand& first = decoded.operands[0];
  switch (decoded.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_ENDBR64:
    case ZYDIS_MNEMONIC_NOP:
      return true;
    case ZYDIS_MNEMONIC_PUSH:
      ++sp_words;
      return first.type == ZYDIS_OPERAND_TYPE_REGISTER && first.size == 64;
    case ZYDIS_MNEMONIC_SUB:
      if (first.type != ZYDIS_OPERAND_TYPE_REGISTER || first.reg.value != ZYDIS_REGISTER_RSP ||
          decoded.operands[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
          decoded.operands[1].imm.value.u % 8 != 0)
        return false;
      sp_words += static_cast<std::uint32_t>(decoded.operands[1].imm.value.u / 8);
      return sp_words < kMostStackWords;
    default:
      return false;
  }
}

/// An instruction among the first ones that has room for the jump by itself: no other one is cut in two. A
/// probe of the kernel's in front of it, somebody else's, goes on with the instruction behind its own, which
/// must then still be one. False: there is none.
bool find_long_instruction(std::span<const std::uint8_t> code, Detour& detour) {
  constexpr int kMost = 6;
  const Decoder decoder;
  for (int turn = 0; turn < kMost; ++turn) {
    Decoded decoded{};
    const auto rest = code.subspan(detour.offset);
    if (!decoder.decode(rest, decoded)) return false;
    if (decoded.instruction.length >= kJumpBytes) {
      auto moved = move(decoded, rest, detour.vaddr + detour.offset);
      if (moved && !moved->branch && !moved->ends) {
        detour.length = decoded.instruction.length;
        detour.moved.push_back(std::move(*moved));
        return true;
      }
      return false;
    }
    if (!may_stay(decoded, detour.sp_words)) return false;
    detour.offset += decoded.instruction.length;
  }
  return false;
}

/// As many of the first instructions as the jump needs room.
Status replace_first(std::span<const std::uint8_t> code, Detour& detour) {
  const Decoder decoder;
  bool ended = false;
  while (detour.length < kJumpBytes) {
    Decoded decoded{};
    const auto rest = code.subspan(detour.length);
    if (!decoder.decode(rest, decoded)) return cannot_move("unknown instructions");
    if (!ended) {
      auto moved = move(decoded, rest, detour.vaddr + detour.length);
      if (!moved) return std::move(moved).error();
      ended = moved->ends;
      detour.moved.push_back(std::move(*moved));
    } else if (!is_filler(rest, decoded)) {
      return cannot_move("the function is too short");
    }
    detour.length += decoded.instruction.length;
  }
  for (const MovedInstruction& moved : detour.moved)
    if (moved.branch && *moved.branch > detour.vaddr && *moved.branch < detour.vaddr + detour.length)
      return cannot_move("a branch among the first instructions");
  return {};
}

void append_word(std::vector<std::uint8_t>& out, std::uint64_t word) {
  std::array<std::uint8_t, 8> bytes{};
  std::memcpy(bytes.data(), &word, sizeof word);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// The calls of the library, each with a word in front of it that says where the function starts and how far
/// the stack pointer is from where it was there. False: too far away.
bool append_tells(std::vector<std::uint8_t>& out, const Detour& detour, std::uint64_t bias,
                  std::uint64_t address, std::vector<std::uint64_t>& stubs) {
  bool near = true;
  for (std::size_t i = 0; i < detour.tells.size(); ++i) {
    const std::uint32_t tells = detour.tells[i];
    const bool first = i == 0;
    if (!first) append(out, {0xeb, 0x08});  // over the word
    append_word(out, (detour.vaddr + bias) | std::uint64_t{detour.sp_words} << kStackWordsShift);
    if (first) stubs.push_back(address + out.size());
    std::array<std::uint8_t, 4> b{};
    std::memcpy(b.data(), &tells, sizeof tells);
    append(out, {0x68, b[0], b[1], b[2], b[3]});  // push
    append(out, {0xff, 0x15});                    // call *(start)
    near = append_distance(out, address, address) && near;
    append(out, {0x48, 0x8d, 0x64, 0x24, 0x08});  // lea 8(%rsp),%rsp
  }
  return near;
}

/// preload::Site, and a jump to the library with its address in r11; the function's moved instructions come
/// next. The address of the jump.
std::uint64_t append_site(std::vector<std::uint8_t>& out, const Detour& detour, std::uint64_t address) {
  constexpr std::uint64_t kJump = 13;  // lea 7, jmp 6
  const std::uint64_t site = address + out.size();
  const std::uint64_t slot =
      detour.releases ? offsetof(LibraryEntries, site_free) : offsetof(LibraryEntries, site);
  append_word(out, site + sizeof(preload::Site) + kJump);
  append_word(out, detour.cookie);
  append(out, {0x4c, 0x8d, 0x1d});  // lea site(%rip),%r11
  append_distance(out, address, site);
  append(out, {0xff, 0x25});  // jmp *slot(%rip)
  append_distance(out, address, address + slot);
  return site + sizeof(preload::Site);
}

}  // namespace

Result<Detour> plan_detour(const ElfImage& image, std::uint64_t vaddr, bool at_entry) {
  constexpr std::size_t kRead = 48;
  auto code = image.read_code(vaddr, kRead);
  if (!code) return std::move(code).error();
  Detour detour;
  detour.vaddr = vaddr;
  if (!at_entry) {
    Detour behind = detour;
    if (find_long_instruction(*code, behind) && is_left_alone(image, behind)) return behind;
  }
  if (auto planned = replace_first(*code, detour); !planned) return std::move(planned).error();
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
  std::uint64_t bytes = sizeof(LibraryEntries);
  for (const Detour& detour : detours)
    bytes += kStubBytes + detour.tells.size() * kTellBytes;
  return bytes;
}

Result<std::vector<std::uint8_t>> build_stubs(std::span<const Detour> detours, std::uint64_t bias,
                                              std::uint64_t address, const LibraryEntries& entries,
                                              std::vector<std::uint64_t>& stubs) {
  std::vector<std::uint8_t> out(sizeof entries);
  std::memcpy(out.data(), &entries, sizeof entries);
  for (const Detour& detour : detours) {
    out.resize((out.size() + 15) / 16 * 16);
    const std::uint64_t place = detour.vaddr + detour.offset;
    bool near = true;
    if (detour.wraps)
      stubs.push_back(append_site(out, detour, address));
    else
      near = append_tells(out, detour, bias, address, stubs);
    std::uint64_t from = place;
    for (const MovedInstruction& moved : detour.moved) {
      // an operand relative to rip counts from the end of the instruction, here as there
      near = append_moved(out, moved, from, bias, address) && near;
      from += moved.bytes.size();
    }
    if (!detour.moved.back().ends) {
      append(out, {0xe9});
      near = append_distance(out, address, place + bias + detour.length) && near;
    }
    if (!near) return Error{ErrorKind::unsupported, "no room near enough for a detour", "", 0};
  }
  return out;
}

}  // namespace leakgate::capture

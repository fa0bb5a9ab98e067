// SPDX-License-Identifier: Apache-2.0
// x86-64: CFI states to row rules. In: a CfiState. Out: the 32 bits of lg_row::rule, or LG_RULE_UNSUPPORTED;
// a rule is never a guess, since a wrong row gives a wrong stack while an unsupported one gives a stack
// marked truncated.
#include "harness/capture/unwind/unwind_x86_64.h"

#include <dwarf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

namespace leakgate::capture::x86_64 {
namespace {

constexpr std::uint64_t kRbp = 6;
constexpr std::uint64_t kRsp = 7;

constexpr std::int64_t kCfaOffsetMin = std::int64_t{std::numeric_limits<std::int16_t>::min()} * 8;
constexpr std::int64_t kCfaOffsetMax = std::int64_t{std::numeric_limits<std::int16_t>::max()} * 8;
/// LG_RULE_RSP_FAR: one past the largest frame, and the lowest place rbp can be saved at.
constexpr std::int64_t kFarCfaOffsetEnd = std::int64_t{1} << 25;
constexpr std::int64_t kFarRbpOffsetMin = -8 - 63 * 8;
constexpr std::int64_t kRbpOffsetMin = -1024 * 8;
constexpr std::int64_t kRbpOffsetMax = 1023 * 8;

bool fits(std::int64_t offset, std::int64_t low, std::int64_t high) {
  return offset % 8 == 0 && offset >= low && offset <= high;
}

/// Offset from the CFA of the place a rule names, where that is a constant.
std::optional<std::int64_t> cfa_relative(const CfiState& state, const RegisterRule& rule) {
  if (rule.kind == RegisterRule::Kind::saved_at_cfa) return rule.offset;
  if (rule.kind == RegisterRule::Kind::saved_at_form && rule.form.kind == AddressForm::Kind::register_plus &&
      state.cfa.kind == AddressForm::Kind::register_plus && rule.form.reg == state.cfa.reg) {
    std::int64_t difference = 0;
    if (!__builtin_sub_overflow(rule.form.offset, state.cfa.offset, &difference)) return difference;
  }
  return std::nullopt;
}

bool saved_in_ucontext(const RegisterRule& rule, int offset) {
  return rule.kind == RegisterRule::Kind::saved_at_form &&
         rule.form == AddressForm{AddressForm::Kind::register_plus, 0, kRsp, offset, 0};
}

bool is_signal_state(const CfiState& state) {
  return state.cfa == AddressForm{AddressForm::Kind::deref, 0, kRsp, kSignalRsp, 0} &&
         saved_in_ucontext(state.at(CfiSlot::frame_pointer), kSignalRbp) &&
         saved_in_ucontext(state.at(CfiSlot::stack_pointer), kSignalRsp) &&
         saved_in_ucontext(state.at(CfiSlot::return_address), kSignalRip);
}

bool return_address_below_cfa(const CfiState& state) {
  const RegisterRule& rule = state.at(CfiSlot::return_address);
  if (rule.kind == RegisterRule::Kind::unset) return true;
  return cfa_relative(state, rule) == -8;
}

bool stack_pointer_is_cfa(const CfiState& state) {
  const RegisterRule& rule = state.at(CfiSlot::stack_pointer);
  return rule.kind == RegisterRule::Kind::unset ||
         (rule.kind == RegisterRule::Kind::is_cfa && rule.offset == 0);
}

struct CfaPart {
  lg_rule_kind kind = LG_RULE_UNSUPPORTED;
  std::int64_t offset = 0;
};

CfaPart encode_cfa(const AddressForm& cfa) {
  switch (cfa.kind) {
    case AddressForm::Kind::register_plus:
      if (cfa.reg == kRsp) return {LG_RULE_RSP, cfa.offset};
      if (cfa.reg == kRbp) return {LG_RULE_RBP, cfa.offset};
      return {};
    case AddressForm::Kind::deref:
      if (cfa.added != 0 && cfa.added != 8) return {};
      if (cfa.reg == kRsp) return {cfa.added ? LG_RULE_RSP_DEREF_PLUS8 : LG_RULE_RSP_DEREF, cfa.offset};
      if (cfa.reg == kRbp) return {cfa.added ? LG_RULE_RBP_DEREF_PLUS8 : LG_RULE_RBP_DEREF, cfa.offset};
      return {};
    case AddressForm::Kind::plt:
      if (cfa.plt_limit == kPltPushed) return {LG_RULE_PLT, 8};
      return {};
    case AddressForm::Kind::none:
    case AddressForm::Kind::unknown:
      break;
  }
  return {};
}

/// Bits 20..31 of the rule; nothing when the saved rbp has no encoding.
std::optional<std::uint32_t> encode_frame_pointer(const CfiState& state) {
  const RegisterRule& rule = state.at(CfiSlot::frame_pointer);
  if (rule.kind == RegisterRule::Kind::unset || rule.kind == RegisterRule::Kind::same) return 0;
  if (const auto offset = cfa_relative(state, rule)) {
    // Offset 0 would read as "unchanged"; no compiler saves a register in the caller's frame.
    if (*offset == 0 || !fits(*offset, kRbpOffsetMin, kRbpOffsetMax)) return std::nullopt;
    return LG_RULE_MAKE(0, 0, 0, *offset);
  }
  if (rule.kind == RegisterRule::Kind::saved_at_form && rule.form.kind == AddressForm::Kind::register_plus &&
      rule.form.reg == kRbp && fits(rule.form.offset, kRbpOffsetMin, kRbpOffsetMax)) {
    return LG_RULE_MAKE(0, 0, 1, rule.form.offset);
  }
  return std::nullopt;
}

/// The rule of a frame too large for the common encoding: `offset` from rsp to the CFA.
std::uint32_t encode_far(const CfiState& state, std::int64_t offset) {
  if (!fits(offset, 0, kFarCfaOffsetEnd - 8)) return LG_RULE_UNSUPPORTED;
  const RegisterRule& rbp = state.at(CfiSlot::frame_pointer);
  if (rbp.kind == RegisterRule::Kind::unset || rbp.kind == RegisterRule::Kind::same)
    return LG_RULE_MAKE_FAR(offset, 0);
  const auto saved = cfa_relative(state, rbp);
  if (!saved || !fits(*saved, kFarRbpOffsetMin, -16)) return LG_RULE_UNSUPPORTED;
  return LG_RULE_MAKE_FAR(offset, *saved);
}

/// DW_OP_breg16 0; lit15; and; litN; ge; lit3; shl; plus: what follows "rsp + 8" in the CFA of a PLT; N in
/// plt_limit.
bool read_plt_tail(ByteReader& reader, std::uint8_t& limit) {
  if (reader.read<std::uint8_t>() != DW_OP_breg0 + kReturnAddressColumn || reader.sleb() != 0) return false;
  if (reader.read<std::uint8_t>() != DW_OP_lit15 || reader.read<std::uint8_t>() != DW_OP_and) return false;
  const auto literal = reader.read<std::uint8_t>();
  if (literal < DW_OP_lit0 || literal > DW_OP_lit15) return false;
  limit = static_cast<std::uint8_t>(literal - DW_OP_lit0);
  constexpr std::array<std::uint8_t, 4> rest = {DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus};
  return std::all_of(rest.begin(), rest.end(),
                     [&](std::uint8_t op) { return reader.read<std::uint8_t>() == op; }) &&
         reader.ok() && reader.left() == 0;
}

}  // namespace

CfiSlot slot_of(std::uint64_t number) {
  switch (number) {
    case kRbp:
      return CfiSlot::frame_pointer;
    case kRsp:
      return CfiSlot::stack_pointer;
    case kReturnAddressColumn:
      return CfiSlot::return_address;
    default:
      return CfiSlot::none;
  }
}

AddressForm classify_expression(ByteReader reader) {
  AddressForm form{AddressForm::Kind::unknown, 0, 0, 0, 0};
  const auto op = reader.read<std::uint8_t>();
  if (op >= DW_OP_breg0 && op <= DW_OP_breg31) {
    form.reg = op - std::uint64_t{DW_OP_breg0};
  } else if (op == DW_OP_bregx) {
    form.reg = reader.uleb();
  } else {
    return form;
  }
  form.offset = reader.sleb();
  if (!reader.ok()) return form;
  if (reader.left() == 0) {
    form.kind = AddressForm::Kind::register_plus;
    return form;
  }
  ByteReader tail = reader;
  if (form.reg == kRsp && form.offset == 8 && read_plt_tail(tail, form.plt_limit)) {
    form.kind = AddressForm::Kind::plt;
    return form;
  }
  form.plt_limit = 0;
  if (reader.read<std::uint8_t>() != DW_OP_deref) return form;
  // OpenSSL's assembly keeps the caller's rsp below the return address and adds 8 to it.
  if (reader.left() > 0) {
    if (reader.read<std::uint8_t>() != DW_OP_plus_uconst) return form;
    form.added = reader.uleb();
  }
  if (reader.ok() && reader.left() == 0) form.kind = AddressForm::Kind::deref;
  return form;
}

std::uint32_t encode_rule(const CfiState& state, bool signal_frame) {
  if (state.at(CfiSlot::return_address).kind == RegisterRule::Kind::undefined) return LG_RULE_END;
  if (signal_frame) return is_signal_state(state) ? LG_RULE_SIGNAL : LG_RULE_UNSUPPORTED;
  const CfaPart cfa = encode_cfa(state.cfa);
  if (!return_address_below_cfa(state) || !stack_pointer_is_cfa(state)) return LG_RULE_UNSUPPORTED;
  if (cfa.kind == LG_RULE_RSP && cfa.offset > kCfaOffsetMax) return encode_far(state, cfa.offset);
  if (cfa.kind == LG_RULE_UNSUPPORTED || !fits(cfa.offset, kCfaOffsetMin, kCfaOffsetMax))
    return LG_RULE_UNSUPPORTED;
  const auto frame_pointer = encode_frame_pointer(state);
  if (!frame_pointer) return LG_RULE_UNSUPPORTED;
  return LG_RULE_MAKE(cfa.kind, cfa.offset, 0, 0) | *frame_pointer;
}

std::uint32_t plain_rule(int offset) {
  return LG_RULE_MAKE(LG_RULE_RSP, offset, 0, 0);
}

bool is_ibt_entry(std::span<const std::uint8_t> entry) {
  constexpr std::array<std::uint8_t, 4> endbr64 = {0xf3, 0x0f, 0x1e, 0xfa};
  return entry.size() >= endbr64.size() && std::equal(endbr64.begin(), endbr64.end(), entry.begin());
}

std::vector<std::uint32_t> find_signal_returns(std::span<const std::uint8_t> code, std::size_t limit) {
  // The common tail of both spellings: the immediate 15 and syscall.
  constexpr std::array<std::uint8_t, 6> tail = {0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
  std::vector<std::uint32_t> found;
  auto at = code.begin();
  while (found.size() < limit) {
    at = std::search(at, code.end(), tail.begin(), tail.end());
    if (at == code.end()) break;
    const auto offset = static_cast<std::uint32_t>(at - code.begin());
    if (offset >= 3 && code[offset - 3] == 0x48 && code[offset - 2] == 0xc7 && code[offset - 1] == 0xc0) {
      found.push_back(offset - 3);
    } else if (offset >= 1 && code[offset - 1] == 0xb8) {
      found.push_back(offset - 1);
    }
    ++at;
  }
  return found;
}

}  // namespace leakgate::capture::x86_64

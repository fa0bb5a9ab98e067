// SPDX-License-Identifier: Apache-2.0
// The DW_CFA_* machine. Registers that no walk follows are parsed and dropped. A malformed or unknown
// instruction stops the machine; the rows before it stand, what follows is unsupported.
#include "harness/capture/unwind/cfi_interpreter.h"

#include <dwarf.h>

#include <algorithm>

#include "harness/capture/unwind/unwind_x86_64.h"

namespace leakgate::capture {
namespace {

using Kind = RegisterRule::Kind;

constexpr std::size_t kRememberDepth = 64;
/// A PLT longer than this is not spelled out in rows of its own.
constexpr std::uint64_t kPltExpandMax = 1U << 20;
constexpr std::uint8_t kPrimaryMask = 0xc0;
constexpr std::uint8_t kMipsAdvanceLoc8 = 0x1d;

class Machine {
 public:
  Machine(const CfiBytes& bytes, const CfiCommon& common, const CfiState* initial)
      : bytes_(bytes), common_(common), initial_(initial) {
    if (initial != nullptr) state_ = *initial;
  }

  [[nodiscard]] const CfiState& state() const { return state_; }

  /// Runs until the location changes (true; its new value in `location`), or the instructions end or are bad
  /// (false).
  bool run_to_next_location(ByteReader& code, std::uint64_t& location) {
    while (code.ok() && code.left() > 0) {
      const auto op = code.read<std::uint8_t>();
      std::uint64_t delta = 0;
      switch (op & kPrimaryMask) {
        case DW_CFA_advance_loc:
          delta = op & 0x3f;
          break;
        case DW_CFA_offset:
          save(op & 0x3f, scaled(code.uleb()));
          continue;
        case DW_CFA_restore:
          restore(op & 0x3f);
          continue;
        default: {
          const Step step = extended(op, code, location, delta);
          if (step == Step::bad) return bad();
          if (step == Step::moved) return code.ok() || bad();
          if (step == Step::done) continue;
        }
      }
      if (!code.ok()) return bad();
      std::uint64_t moved = 0;
      if (__builtin_mul_overflow(delta, common_.code_align, &moved) ||
          __builtin_add_overflow(location, moved, &location)) {
        return bad();
      }
      return true;
    }
    if (!code.ok()) return bad();
    return false;
  }

  [[nodiscard]] bool is_bad() const { return bad_; }

 private:
  enum class Step { done, advance, moved, bad };

  bool bad() {
    bad_ = true;
    return false;
  }

  std::int64_t scaled(std::uint64_t factored) const { return scaled(static_cast<std::int64_t>(factored)); }
  /// A product that overflows becomes an odd offset, which has no row: the state turns unsupported, not
  /// wrong.
  std::int64_t scaled(std::int64_t factored) const {
    std::int64_t offset = 0;
    return __builtin_mul_overflow(factored, common_.data_align, &offset) ? 1 : offset;
  }

  void set(std::uint64_t reg, const RegisterRule& rule) {
    const CfiSlot slot = x86_64::slot_of(reg);
    if (slot != CfiSlot::none) state_.registers[static_cast<int>(slot)] = rule;
  }
  void save(std::uint64_t reg, std::int64_t offset) { set(reg, {Kind::saved_at_cfa, offset, {}}); }
  void restore(std::uint64_t reg) {
    const CfiSlot slot = x86_64::slot_of(reg);
    if (slot == CfiSlot::none) return;
    set(reg, initial_ != nullptr ? initial_->at(slot) : RegisterRule{});
  }
  void set_cfa(std::uint64_t reg, std::int64_t offset) {
    state_.cfa = {AddressForm::Kind::register_plus, 0, reg, offset, 0};
  }
  /// Register or offset alone change only a CFA that is register plus offset.
  bool cfa_is_register() const { return state_.cfa.kind == AddressForm::Kind::register_plus; }

  Step extended(std::uint8_t op, ByteReader& code, std::uint64_t& location, std::uint64_t& delta) {
    switch (op) {
      case DW_CFA_nop:
        return Step::done;
      case DW_CFA_advance_loc1:
        delta = code.read<std::uint8_t>();
        return Step::advance;
      case DW_CFA_advance_loc2:
        delta = code.read<std::uint16_t>();
        return Step::advance;
      case DW_CFA_advance_loc4:
        delta = code.read<std::uint32_t>();
        return Step::advance;
      case kMipsAdvanceLoc8:
        delta = code.read<std::uint64_t>();
        return Step::advance;
      case DW_CFA_set_loc:
        return set_location(code, location);
      case DW_CFA_remember_state:
        if (stack_.size() >= kRememberDepth) return Step::bad;
        stack_.push_back(state_);
        return Step::done;
      case DW_CFA_restore_state:
        if (stack_.empty()) return Step::bad;
        state_ = stack_.back();
        stack_.pop_back();
        return Step::done;
      case DW_CFA_GNU_args_size:
        code.uleb();
        return Step::done;
      default:
        break;
    }
    return change_cfa(op, code) ? Step::done : change_register(op, code);
  }

  Step set_location(ByteReader& code, std::uint64_t& location) {
    const auto target = read_encoded_pointer(code, common_.pointer_encoding, bytes_, 0);
    if (!target || *target < location) return Step::bad;
    location = *target;
    return Step::moved;
  }

  /// The instructions that define the CFA; false for any other, or where they make no sense.
  bool change_cfa(std::uint8_t op, ByteReader& code) {
    switch (op) {
      case DW_CFA_def_cfa: {
        const std::uint64_t reg = code.uleb();
        set_cfa(reg, static_cast<std::int64_t>(code.uleb()));
        return true;
      }
      case DW_CFA_def_cfa_sf: {
        const std::uint64_t reg = code.uleb();
        set_cfa(reg, scaled(code.sleb()));
        return true;
      }
      case DW_CFA_def_cfa_register:
        if (!cfa_is_register()) return false;
        state_.cfa.reg = code.uleb();
        return true;
      case DW_CFA_def_cfa_offset:
        if (!cfa_is_register()) return false;
        state_.cfa.offset = static_cast<std::int64_t>(code.uleb());
        return true;
      case DW_CFA_def_cfa_offset_sf:
        if (!cfa_is_register()) return false;
        state_.cfa.offset = scaled(code.sleb());
        return true;
      case DW_CFA_def_cfa_expression:
        state_.cfa = x86_64::classify_expression(code.take(code.uleb()));
        return true;
      default:
        return false;
    }
  }

  Step change_register(std::uint8_t op, ByteReader& code) {
    const std::uint64_t reg = code.uleb();
    switch (op) {
      case DW_CFA_offset_extended:
        save(reg, scaled(code.uleb()));
        return Step::done;
      case DW_CFA_offset_extended_sf:
        save(reg, scaled(code.sleb()));
        return Step::done;
      case DW_CFA_GNU_negative_offset_extended: {
        const std::int64_t offset = scaled(code.uleb());
        save(reg, static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(offset)));
        return Step::done;
      }
      case DW_CFA_restore_extended:
        restore(reg);
        return Step::done;
      case DW_CFA_undefined:
        set(reg, {Kind::undefined, 0, {}});
        return Step::done;
      case DW_CFA_same_value:
        set(reg, {Kind::same, 0, {}});
        return Step::done;
      case DW_CFA_register: {
        const std::uint64_t other = code.uleb();
        set(reg, {other == reg ? Kind::same : Kind::unknown, 0, {}});
        return Step::done;
      }
      case DW_CFA_val_offset:
        set(reg, {Kind::is_cfa, scaled(code.uleb()), {}});
        return Step::done;
      case DW_CFA_val_offset_sf:
        set(reg, {Kind::is_cfa, scaled(code.sleb()), {}});
        return Step::done;
      case DW_CFA_expression:
        set(reg, {Kind::saved_at_form, 0, x86_64::classify_expression(code.take(code.uleb()))});
        return Step::done;
      case DW_CFA_val_expression:
        code.skip(code.uleb());
        set(reg, {Kind::unknown, 0, {}});
        return Step::done;
      default:
        return Step::bad;
    }
  }

  const CfiBytes& bytes_;
  const CfiCommon& common_;
  const CfiState* initial_;
  CfiState state_;
  std::vector<CfiState> stack_;
  bool bad_ = false;
};

void put_state(const CfiState& state, bool signal_frame, std::uint64_t from, std::uint64_t to,
               std::uint64_t base, RowSink& sink) {
  if (state.cfa.kind == AddressForm::Kind::plt && state.cfa.plt_limit != x86_64::kPltPushed &&
      !signal_frame) {
    CfiState probe = state;
    probe.cfa.plt_limit = x86_64::kPltPushed;
    if (x86_64::encode_rule(probe, false) == LG_RULE_MAKE(LG_RULE_PLT, 8, 0, 0)) {
      put_plt_rows(from, to, base, state.cfa.plt_limit, sink);
      return;
    }
  }
  sink.put(static_cast<std::uint32_t>(from - base), x86_64::encode_rule(state, signal_frame));
}

}  // namespace

bool run_initial_instructions(ByteReader instructions, const CfiBytes& bytes, CfiCommon& common) {
  Machine machine(bytes, common, nullptr);
  std::uint64_t location = 0;
  if (machine.run_to_next_location(instructions, location) || machine.is_bad()) return false;
  common.initial = machine.state();
  return true;
}

void put_range_rows(const CfiSection& section, const CfiRange& range, std::uint64_t end, std::uint64_t base,
                    RowSink& sink) {
  const CfiCommon& common = section.commons[range.common];
  std::uint64_t location = range.start;
  if (!common.initial_ok) {
    sink.put(static_cast<std::uint32_t>(location - base), LG_RULE_UNSUPPORTED);
    return;
  }
  Machine machine(section.bytes, common, &common.initial);
  ByteReader code = range.instructions();
  std::uint64_t next = location;
  bool more = true;
  while (more && location < end) {
    more = machine.run_to_next_location(code, next);
    if (machine.is_bad()) {
      sink.put(static_cast<std::uint32_t>(location - base), LG_RULE_UNSUPPORTED);
      return;
    }
    if (!more) next = end;
    if (next > location)
      put_state(machine.state(), common.signal_frame, location, std::min(next, end), base, sink);
    location = next;
  }
}

void put_plt_rows(std::uint64_t start, std::uint64_t end, std::uint64_t base, std::uint8_t pushed,
                  RowSink& sink) {
  if (end - start > kPltExpandMax) {
    sink.put(static_cast<std::uint32_t>(start - base), LG_RULE_UNSUPPORTED);
    return;
  }
  for (std::uint64_t at = start; at < end;) {
    const std::uint64_t into = at & 15;
    const bool after = into >= pushed;
    sink.put(static_cast<std::uint32_t>(at - base), x86_64::plain_rule(after ? 16 : 8));
    at += after ? 16 - into : pushed - into;
  }
}

}  // namespace leakgate::capture

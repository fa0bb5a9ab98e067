// SPDX-License-Identifier: Apache-2.0
// The walk. Return addresses are looked up at pc - 1, so that a call at the end of a function finds its own
// row; the first pc, and the one a signal interrupted, are looked up as they are.
#include "harness/capture/unwind/unwind_walker.h"

#include "harness/capture/unwind/unwind_x86_64.h"

namespace leakgate::capture {
namespace {

/// A frame pointer further from the stack pointer than this is taken for a register in other use.
constexpr std::uint64_t kMaxFrameBytes = std::uint64_t{8} << 20;

class Walker {
 public:
  Walker(const WalkRegisters& registers, WalkSpace& space) : at_(registers), space_(space) {}

  void run(WalkedStack& out) {
    out.count = 0;
    for (;;) {
      out.stack_pointers[out.count] = at_.rsp;
      out.exact[out.count] = exact_;
      out.frames[out.count++] = at_.rip;
      const std::uint64_t pc = at_.rip - (exact_ ? 0 : 1);
      const std::uint32_t rule = rule_at(pc);
      if (LG_RULE_KIND(rule) == LG_RULE_END || is_made_up(rule)) {
        out.end = WalkEnd::complete;
        return;
      }
      if (out.count == LG_MAX_FRAMES) {
        out.end = WalkEnd::depth;
        return;
      }
      out.end = step(rule, pc);
      if (out.end != WalkEnd::complete || at_.rip == 0) return;
    }
  }

 private:
  const MappedModule* module_at(std::uint64_t pc) {
    if (module_ == nullptr || pc < module_->start || pc >= module_->end) module_ = space_.find_module(pc);
    return module_;
  }

  std::uint32_t rule_at(std::uint64_t pc) {
    const MappedModule* module = module_at(pc);
    if (module == nullptr || module->table == nullptr) return LG_RULE_NONE;
    return find_rule(*module->table, pc - module->bias - module->table->base);
  }

  /// A return address at the very start of a function, after a gap, was put there by hand and not by a call:
  /// the bottom of a stack from makecontext. What lies above it on the stack is no frame.
  bool is_made_up(std::uint32_t rule) {
    return LG_RULE_KIND(rule) == LG_RULE_NONE && !exact_ && LG_RULE_KIND(rule_at(at_.rip)) != LG_RULE_NONE;
  }

  /// To the caller's frame; anything but complete ends the walk.
  WalkEnd step(std::uint32_t rule, std::uint64_t pc) {
    std::uint64_t cfa = 0;
    const auto offset = static_cast<std::uint64_t>(static_cast<std::int64_t>(LG_RULE_OFF(rule)));
    switch (LG_RULE_KIND(rule)) {
      case LG_RULE_RSP:
        cfa = at_.rsp + offset;
        break;
      case LG_RULE_RBP:
        cfa = at_.rbp + offset;
        break;
      case LG_RULE_RSP_FAR:
        cfa = at_.rsp + static_cast<std::uint64_t>(LG_RULE_FAR_OFF(rule));
        return step_to(cfa, LG_RULE_MAKE(0, 0, 0, LG_RULE_FAR_RBP_OFF(rule)));
      case LG_RULE_PLT:
        cfa = at_.rsp + offset + ((pc & 15) >= x86_64::kPltPushed ? 8 : 0);
        break;
      case LG_RULE_RSP_DEREF:
      case LG_RULE_RSP_DEREF_PLUS8:
        if (!space_.read_word(at_.rsp + offset, cfa)) return WalkEnd::bad_memory;
        if (LG_RULE_KIND(rule) == LG_RULE_RSP_DEREF_PLUS8) cfa += 8;
        break;
      case LG_RULE_RBP_DEREF:
      case LG_RULE_RBP_DEREF_PLUS8:
        if (!space_.read_word(at_.rbp + offset, cfa)) return WalkEnd::bad_memory;
        if (LG_RULE_KIND(rule) == LG_RULE_RBP_DEREF_PLUS8) cfa += 8;
        break;
      case LG_RULE_SIGNAL:
        return step_signal();
      case LG_RULE_NONE:
        return step_frame_pointer();
      default:
        return WalkEnd::unsupported;
    }
    return step_to(cfa, rule);
  }

  WalkEnd step_to(std::uint64_t cfa, std::uint32_t rule) {
    // The return address lies between rsp and the CFA, in a frame of any kind.
    if ((cfa & 7) != 0 || cfa < 8 || cfa - 8 < at_.rsp) return WalkEnd::bad_frame;
    std::uint64_t return_address = 0;
    if (!space_.read_word(cfa - 8, return_address)) return WalkEnd::bad_memory;
    if ((rule >> 20) != 0) {
      const std::uint64_t origin = LG_RULE_RBP_IN_FRAME(rule) != 0 ? at_.rbp : cfa;
      const auto offset = static_cast<std::uint64_t>(static_cast<std::int64_t>(LG_RULE_RBP_OFF(rule)));
      std::uint64_t rbp = 0;
      if (!space_.read_word(origin + offset, rbp)) return WalkEnd::bad_memory;
      at_.rbp = rbp;
    }
    at_.rsp = cfa;
    at_.rip = return_address;
    exact_ = false;
    return WalkEnd::complete;
  }

  /// No check that the stack grows: the handler may run on a stack of its own.
  WalkEnd step_signal() {
    WalkRegisters interrupted;
    if (!space_.read_word(at_.rsp + x86_64::kSignalRip, interrupted.rip) ||
        !space_.read_word(at_.rsp + x86_64::kSignalRbp, interrupted.rbp) ||
        !space_.read_word(at_.rsp + x86_64::kSignalRsp, interrupted.rsp)) {
      return WalkEnd::bad_memory;
    }
    at_ = interrupted;
    exact_ = true;
    return WalkEnd::complete;
  }

  /// One frame by its frame pointer, believed only when it leads to code of a known module.
  WalkEnd step_frame_pointer() {
    const WalkEnd failed = module_ == nullptr ? WalkEnd::no_module : WalkEnd::no_cfi;
    if ((at_.rbp & 7) != 0 || at_.rbp < at_.rsp || at_.rbp - at_.rsp > kMaxFrameBytes) return failed;
    std::uint64_t return_address = 0;
    std::uint64_t rbp = 0;
    if (!space_.read_word(at_.rbp + 8, return_address) || !space_.read_word(at_.rbp, rbp)) return failed;
    if (return_address != 0 && module_at(return_address - 1) == nullptr) return failed;
    at_.rsp = at_.rbp + 16;
    at_.rbp = rbp;
    at_.rip = return_address;
    exact_ = false;
    return WalkEnd::complete;
  }

  WalkRegisters at_;
  WalkSpace& space_;
  const MappedModule* module_ = nullptr;
  bool exact_ = true;
};

}  // namespace

void walk(const WalkRegisters& registers, WalkSpace& space, WalkedStack& out) {
  Walker(registers, space).run(out);
}

}  // namespace leakgate::capture

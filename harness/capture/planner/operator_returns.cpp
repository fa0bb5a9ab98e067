// SPDX-License-Identifier: Apache-2.0
// A walk over the control flow. It decodes only what direct jumps and falling through lead to, so that every
// address it gives is the start of an instruction: a probe elsewhere would break the program.
#include "harness/capture/planner/operator_returns.h"

#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include "harness/capture/planner/x86_instruction.h"

namespace leakgate::capture {
namespace {

constexpr std::size_t kMaxInstructions = 8192;
constexpr std::size_t kChunkBytes = 1024;
constexpr std::size_t kLongestInstruction = 15;

/// Imports that never return: what stands behind a call of one need not be code of this function.
constexpr std::array<std::string_view, 9> kNoReturn = {"__cxa_throw", "__cxa_rethrow",    "_Unwind_Resume",
                                                       "abort",       "_ZSt9terminatev",  "exit",
                                                       "_exit",       "__stack_chk_fail", "__assert_fail"};

bool never_returns(std::string_view name) {
  return std::find(kNoReturn.begin(), kNoReturn.end(), name) != kNoReturn.end() ||
         name.starts_with("_ZSt17__throw") || name.starts_with("_ZSt20__throw");
}

class Walk {
 public:
  Walk(const ElfImage& image, const SeenFunctions& seen)
      : image_(image), seen_(seen), imports_(image.import_slots()) {}

  FunctionReturns from(std::uint64_t vaddr) {
    entry_ = vaddr;
    waiting_.push_back(vaddr);
    while (!waiting_.empty()) {
      const std::uint64_t next = waiting_.front();
      waiting_.pop_front();
      follow(next);
    }
    std::sort(result_.vaddrs.begin(), result_.vaddrs.end());
    return std::move(result_);
  }

 private:
  /// What a jump or call that leads to `target` means for its path.
  enum class Leads { on, to_seen, away, nowhere };

  void give_up(const char* why) {
    if (result_.unknown.empty()) result_.unknown = why;
  }

  std::span<const std::uint8_t> code_at(std::uint64_t vaddr) {
    if (vaddr >= chunk_vaddr_ && vaddr - chunk_vaddr_ + kLongestInstruction <= chunk_.size())
      return std::span(chunk_).subspan(vaddr - chunk_vaddr_);
    for (std::size_t count = kChunkBytes; count > 0; count /= 2) {
      auto code = image_.read_code(vaddr, count);
      if (!code) continue;
      chunk_ = std::move(*code);
      chunk_vaddr_ = vaddr;
      return chunk_;
    }
    return {};
  }

  /// The name that the pointer at `slot` is bound to; empty where it is none of the dynamic linker's.
  std::string_view import_at(std::uint64_t slot) const {
    const auto found = imports_.find(slot);
    return found == imports_.end() ? std::string_view() : std::string_view(found->second);
  }

  /// The name behind a PLT entry at `vaddr`: `jmp [slot]`, after endbr64 where there is one.
  std::string_view import_through(std::uint64_t vaddr) {
    for (int step = 0; step < 2; ++step) {
      const auto instruction = decoder_.decode(code_at(vaddr), vaddr);
      if (!instruction) return {};
      if (instruction->flow == Flow::indirect_jump)
        return instruction->target_slot ? import_at(*instruction->target_slot) : std::string_view();
      if (instruction->flow != Flow::next) return {};
      vaddr += instruction->length_bytes;
    }
    return {};
  }

  Leads judge_import(std::string_view name, std::uint64_t& target) {
    if (seen_.is_imported(name)) return Leads::to_seen;
    if (never_returns(name)) return Leads::nowhere;
    const auto own = image_.find(name);
    if (!own || own->kind != SymbolKind::function) return Leads::away;
    target = own->vaddr;
    return target != entry_ && seen_.is_seen(target) ? Leads::to_seen : Leads::on;
  }

  Leads judge(const Instruction& instruction, std::uint64_t& target) {
    if (instruction.target) {
      target = *instruction.target;
      if (target != entry_ && seen_.is_seen(target)) return Leads::to_seen;
      const std::string_view name = import_through(target);
      return name.empty() ? Leads::on : judge_import(name, target);
    }
    const std::string_view name =
        instruction.target_slot ? import_at(*instruction.target_slot) : std::string_view();
    return name.empty() ? Leads::away : judge_import(name, target);
  }

  void jump_to(const Instruction& instruction) {
    std::uint64_t target = 0;
    switch (judge(instruction, target)) {
      case Leads::on:
        waiting_.push_back(target);
        break;
      case Leads::to_seen:
        result_.passes_seen_function = true;
        break;
      case Leads::away:
        give_up("it jumps to where the file does not say");
        break;
      case Leads::nowhere:
        break;
    }
  }

  /// False: the path ends behind this call.
  bool passes_call(const Instruction& instruction) {
    std::uint64_t target = 0;
    const Leads leads = judge(instruction, target);
    if (leads == Leads::to_seen) result_.passes_seen_function = true;
    return leads == Leads::on || leads == Leads::away;
  }

  void follow(std::uint64_t vaddr) {
    while (visited_.insert(vaddr).second) {
      if (visited_.size() > kMaxInstructions) return give_up("it is too long");
      const auto instruction = decoder_.decode(code_at(vaddr), vaddr);
      if (!instruction) return give_up("its code cannot be decoded");
      switch (instruction->flow) {
        case Flow::near_return:
          result_.vaddrs.push_back(vaddr);
          return;
        case Flow::leave:
          return;
        case Flow::jump:
        case Flow::indirect_jump:
          return jump_to(*instruction);
        case Flow::conditional_branch:
          jump_to(*instruction);
          break;
        case Flow::call:
          if (!passes_call(*instruction)) return;
          break;
        case Flow::next:
          break;
      }
      vaddr += instruction->length_bytes;
    }
  }

  const ElfImage& image_;
  const SeenFunctions& seen_;
  const std::map<std::uint64_t, std::string> imports_;
  const InstructionDecoder decoder_;
  std::uint64_t entry_ = 0;
  std::vector<std::uint8_t> chunk_;
  std::uint64_t chunk_vaddr_ = 0;
  std::deque<std::uint64_t> waiting_;
  std::set<std::uint64_t> visited_;
  FunctionReturns result_;
};

}  // namespace

FunctionReturns find_returns(const ElfImage& image, std::uint64_t vaddr, const SeenFunctions& seen) {
  return Walk(image, seen).from(vaddr);
}

}  // namespace leakgate::capture

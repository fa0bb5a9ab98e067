// SPDX-License-Identifier: Apache-2.0
// The walk of unwind_walker, and between which two stack pointers the address lies.
#include "harness/capture/hold/stack_frames.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace leakgate::capture {

model::TraceFrame StackFrames::frame_at(std::uint32_t thread, const WalkRegisters& registers,
                                        std::uint64_t address) {
  auto [found, is_new] = stacks_.try_emplace(thread);
  WalkedStack& stack = found->second;
  if (is_new) walk(registers, *this, stack);
  for (std::uint32_t i = 0; i < stack.count; ++i) {
    // a leaf may use what lies just below its stack pointer
    const std::uint64_t from = stack.stack_pointers[i] - (i == 0 ? model::kRedZone : 0);
    const bool last = i + 1 == stack.count;
    if (last && stack.end != WalkEnd::complete) break;  // who is further out is not known
    if (address >= from && (last || address < stack.stack_pointers[i + 1]))
      return describe(stack.frames[i], stack.exact[i]);
  }
  return {};
}

bool StackFrames::read_word(std::uint64_t address, std::uint64_t& word) {
  std::array<std::byte, sizeof word> bytes;
  if (view_.read(address, bytes) != bytes.size()) return false;
  std::memcpy(&word, bytes.data(), sizeof word);
  return true;
}

const MappedModule* StackFrames::find_module(std::uint64_t pc) {
  const auto known = mapped_.upper_bound(pc);
  if (known != mapped_.begin() && pc < std::prev(known)->second.end) return &std::prev(known)->second;
  const auto mapping =
      std::find_if(view_.mappings.begin(), view_.mappings.end(), [pc](const model::HeldMapping& row) {
        return pc >= row.start && pc < row.end && row.executable && row.module != model::kNone;
      });
  if (mapping == view_.mappings.end()) return nullptr;
  const MappedModule module{mapping->start, mapping->end, mapping->bias, modules_.rows(mapping->module)};
  return &mapped_.insert_or_assign(mapping->start, module).first->second;
}

model::TraceFrame StackFrames::describe(std::uint64_t pc, bool exact) {
  for (const model::HeldMapping& row : view_.mappings)
    if (pc >= row.start && pc < row.end && row.executable && row.module != model::kNone)
      return {row.module, pc - row.bias, exact};
  return {};
}

}  // namespace leakgate::capture

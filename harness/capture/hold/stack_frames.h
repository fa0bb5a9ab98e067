// SPDX-License-Identifier: Apache-2.0
// StackFrames: which frame of a held thread has a word of its stack. In: the thread's registers, the memory
// of the held process, the modules' unwinding rows. Out: a frame, to be named later.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "harness/capture/modules.h"
#include "harness/capture/unwind/unwind_walker.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

class StackFrames final : private WalkSpace {
 public:
  /// Both must outlive the object; `view` stays the caller's.
  StackFrames(const ModuleTable& modules, const model::HeldProcess& view) : modules_(modules), view_(view) {}

  /// The frame that `address` lies in, walking from `registers`; of no module where the walk does not get
  /// there. A thread is walked once.
  model::TraceFrame frame_at(std::uint32_t thread, const WalkRegisters& registers, std::uint64_t address);

 private:
  bool read_word(std::uint64_t address, std::uint64_t& word) override;
  const MappedModule* find_module(std::uint64_t pc) override;
  [[nodiscard]] model::TraceFrame describe(std::uint64_t pc, bool exact);

  const ModuleTable& modules_;
  const model::HeldProcess& view_;
  std::map<std::uint32_t, WalkedStack> stacks_;   ///< by thread
  std::map<std::uint64_t, MappedModule> mapped_;  ///< by start; those that a walk came through
};

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// What a program may use behind a block that it asked for, because it asks the allocator how large the block
// really is (malloc_usable_size; systemd grows its arrays so). In: modules, stacks of allocations, the heap.
// Out: bytes behind a block.
#pragma once

#include <cstdint>
#include <map>

#include "harness/capture/modules.h"
#include "harness/capture/session.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

class SlackMemory {
 public:
  /// All must outlive the object; they stay the caller's.
  SlackMemory(const Session& session, const ModuleTable& modules, const model::HeldProcess& held)
      : session_(session), modules_(modules), held_(held) {}

  /// Some module of the process asks, and the C library's allocator answers.
  [[nodiscard]] bool is_used() const;
  /// 0 where the module that asked for the block does not ask for sizes, and where the heap tells nothing
  /// that makes sense. Not from several threads at once.
  [[nodiscard]] std::uint64_t behind(const model::HeldBlock& block);

 private:
  [[nodiscard]] bool caller_asks(std::uint32_t stack) const;

  const Session& session_;
  const ModuleTable& modules_;
  const model::HeldProcess& held_;
  std::map<std::uint32_t, bool> known_;  ///< by stack
};

}  // namespace leakgate::capture

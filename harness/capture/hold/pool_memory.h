// SPDX-License-Identifier: Apache-2.0
// Blocks that a pool inside of the program hands out in pieces: only the pieces are pointed at, and pointers
// into the middle keep the block. In: the stacks of allocations. Out: whether a block is such a one.
//
// Known is the slice allocator of GLib before 2.76 (glib/gslice.c), which takes pages by posix_memalign.
// Under Valgrind it switches itself off.
#pragma once

#include <cstdint>
#include <map>

#include "harness/capture/modules.h"
#include "harness/capture/session.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

class PoolMemory {
 public:
  /// Both must outlive the object; they stay the caller's.
  PoolMemory(const Session& session, const ModuleTable& modules) : session_(session), modules_(modules) {}

  /// Not from several threads at once.
  [[nodiscard]] bool covers(const model::HeldBlock& block);

 private:
  [[nodiscard]] bool is_pools(std::uint32_t stack) const;

  const Session& session_;
  const ModuleTable& modules_;
  std::map<std::uint32_t, bool> known_;  ///< by stack
};

}  // namespace leakgate::capture

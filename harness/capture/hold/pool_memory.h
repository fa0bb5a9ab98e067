// SPDX-License-Identifier: Apache-2.0
// Blocks that pointers into their middle keep: those that a pool inside of the program hands out in pieces,
// and those that a library keeps so by its design. In: the stacks of allocations. Out: whether a block is
// such a one.
//
// Known are the slice allocator of GLib before 2.76 (glib/gslice.c), which takes pages by posix_memalign, and
// what libgobject asks for: nodes of types, instances with private data in front, closures, atomic arrays
// (gobject/gtype.c, gclosure.c, gatomicarray.c). Under Valgrind the first switches itself off, and the second
// tells Valgrind where a block's start is.
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

// SPDX-License-Identifier: Apache-2.0
// Where the stacks of threads lie that glibc has started, by what it keeps in their control blocks (struct
// pthread, nptl/descr.h).
#pragma once

#include <cstdint>
#include <optional>

#include "harness/model/held_process.h"

namespace leakgate::classify {

struct StackBounds {
  std::uint64_t start = 0;  ///< of what the thread was given, a guard at its low end included
  std::uint64_t end = 0;
  std::uint64_t guard_bytes = 0;  ///< of that guard
  bool contains(std::uint64_t address) const { return start <= address && address < end; }
};

/// The stack of the thread whose control block this is; nothing where that cannot be told: it is the main
/// thread's, or another C library's.
std::optional<StackBounds> stack_of(const model::HeldProcess& held, std::uint64_t control_block);

/// A thread that has ended, whose stack ends where the memory [start, end) does, or a little before.
struct DeadThread {
  std::uint64_t control_block = 0;
  StackBounds stack;
  /// The C library still has the stack, for the next thread or until this one is joined. Else the program has
  /// given it and has it back: glibc has freed the vector of the thread-local storage, though the control
  /// block still points at it, and what the program writes there since is its own.
  bool is_kept = false;
};
std::optional<DeadThread> dead_thread_before(const model::HeldProcess& held, std::uint64_t start,
                                             std::uint64_t end);

}  // namespace leakgate::classify

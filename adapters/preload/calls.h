// SPDX-License-Identifier: Apache-2.0
// Allocation calls under way: entered, and left with their result.
#pragma once

#include "adapters/preload/state.h"

namespace leakgate::preload {

inline constexpr u64 kDeepestCall = 256 << 10;

/// The library's own work under way in a thread, which a signal handler may interrupt.
class Busy {
 public:
  explicit Busy(Thread& thread) : thread_(thread) { add<u32>(thread_.busy, 1, false); }
  ~Busy() { add<u32>(thread_.busy, ~0u, false); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  Thread& thread_;
};

/// An allocation call under way.
struct Call {
  Thread* thread;  ///< nullptr: not recorded
  u64 sp;
  u64 size;
  u32 stack;
  bool took_old;
  lg_live old;
};
static_assert(sizeof(Call) <= 136, "entries_x86_64.cpp has room for so much");

void enter_call(Call& call, u64 size, u32 function, u64 sp, u64 bp, const void* old = nullptr);
void leave_call(Call& call, const void* result);
/// The old block of a realloc lives on where that failed.
void settle_old(Call& call, const void* old, const void* result);
/// Enters a block that a call gave.
void note_block(Call& call, const void* result);
/// The function that frees was entered with `sp` and `bp`.
void note_free(const void* block, u64 sp, u64 bp);

}  // namespace leakgate::preload

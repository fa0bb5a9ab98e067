// SPDX-License-Identifier: Apache-2.0
// Allocation calls under way: entered, and left with their result. What counts: a call that one of the family
// makes itself counts once, for the outer call; see bpf/heap.bpf.c, whose results these have to be.
#pragma once

#include "adapters/preload/known_stacks.h"
#include "adapters/preload/ledger.h"

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
  u64 bp;
  u64 size;
  u32 function;
  bool took_old;
  lg_live old;
};
static_assert(sizeof(Call) <= 136, "entries_x86_64.cpp has room for so much");

/// Where other calls of the thread's are under way: whether this one is not inside one of them.
bool open_further_call(Thread& thread, u64 sp, u64 bp);
void close_further_call(Thread& thread, u64 sp);

[[gnu::always_inline]] inline void enter_call(Call& call, u64 size, u32 function, u64 sp, u64 bp,
                                              const void* old = nullptr) {
  Thread* const thread = current_thread();
  call.thread = nullptr;
  call.sp = sp;
  call.bp = bp;
  call.size = size;
  call.function = function;
  call.took_old = false;
  if (!thread) return;
  if (LG_UNLIKELY(thread->busy > 1)) return lose(LG_LOST_nested_too_deep);
  if (LG_LIKELY(!thread->depth)) {
    thread->pending[0] = sp;
    store(thread->depth, 1u);
  } else if (!open_further_call(*thread, sp, bp)) {
    return;
  }
  call.thread = thread;
  // out of the ledger before the allocator can hand its address to another thread
  if (!old) return;
  const Busy busy(*thread);
  LiveEntry* const entry = find_block(place_of(hide(old)));
  if (!entry) return;
  call.old = entry->block;
  call.took_old = true;
  // what it holds is held until the call is over
  thread->moving_bytes = call.old.size;
  store(thread->moving, static_cast<u64>(word(old)));
  // a child may be looked at while the call lasts; where it fails the child has it all the same
  if (LG_UNLIKELY(g.process->figures.left_before)) leave_to_heir(hide(old), call.old);
  store(entry->name, u64{0});
}

/// What `count` times `size` asks for: more than there can be where they overflow, which no allocator gives.
/// 0, which such a product may be by its last 64 bits, would free an old block.
[[gnu::always_inline]] inline u64 product(u64 count, u64 size) {
  u64 bytes = 0;
  return __builtin_mul_overflow(count, size, &bytes) ? ~0ull : bytes;
}

/// Enters a block that a call gave.
[[gnu::always_inline]] inline void put_result(Call& call, Hidden result) {
  Thread& thread = *call.thread;
  const Place place = place_of(result);
  lg_live block;
  block.size = call.size;
  block.stack = take_stack(call.sp, call.bp, thread, call.function);
  block.test = charged_window(thread, g.process->figures);
  block.tid = thread.tid | (thread.disabled ? LG_LIVE_IGNORED : 0u);
  block.time_ms = now_ms();
  if (put_block(place, block)) count_allocation(thread, block);
}

[[gnu::always_inline]] inline void leave_call(Call& call, Hidden result) {
  Thread* const thread = call.thread;
  if (!thread) return;
  const Busy busy(*thread);
  if (LG_LIKELY(thread->depth == 1 && thread->pending[0] == call.sp))
    store(thread->depth, 0u);
  else
    close_further_call(*thread, call.sp);
  if (result != kNothing) put_result(call, result);
}

inline void note_block(Call& call, Hidden result) {
  const Busy busy(*call.thread);
  put_result(call, result);
}

/// Keeps where the first block of a stack was freed: one walk for each stack that ever frees. See
/// bpf/heap.bpf.c.
void note_first_free(Thread& thread, u32 id, u64 sp, u64 bp);

/// The function that frees was entered with `sp` and `bp`.
[[gnu::always_inline]] inline void note_free(Hidden block, u64 sp, u64 bp) {
  Thread* const thread = current_thread();
  if (!thread) return;
  if (LG_UNLIKELY(thread->busy > 1)) return lose(LG_LOST_nested_too_deep);
  const Busy busy(*thread);
  lg_live gone;
  if (LG_UNLIKELY(!take_block(place_of(block), gone))) {
    __atomic_fetch_add(&g.process->unknown_frees, 1, __ATOMIC_RELAXED);
    if (g.process->figures.flags & LG_PROC_HEIR) note_gone(block);
    return;
  }
  if (LG_UNLIKELY(g.process->figures.left_before)) {
    const lg_live copy = gone;
    leave_to_heir(block, copy);
  }
  if (LG_UNLIKELY(count_free(*thread, gone))) note_first_free(*thread, gone.stack, sp, bp);
}

/// The old block of a realloc lives on where that failed.
void settle_old(Call& call, Hidden old, bool gave);
/// What it held is in the new one, which is in the ledger, or lives on.
inline void end_move(const Call& call) {
  if (call.thread && call.took_old) store(call.thread->moving, u64{0});
}

}  // namespace leakgate::preload

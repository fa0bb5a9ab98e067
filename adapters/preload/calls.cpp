// SPDX-License-Identifier: Apache-2.0
// See calls.h: calls inside of others, and realloc's old blocks.
#include "adapters/preload/calls.h"

#include "adapters/preload/unwind.h"

namespace leakgate::preload {
namespace {

constexpr u64 kSignalFrameLeast = 1024;
constexpr u64 kOneStack = 8 << 20;

}  // namespace

bool open_further_call(Thread& thread, u64 sp, u64 bp) {
  u32 depth = thread.depth;
  while (depth) {
    const u64 top = thread.pending[depth - 1];
    if (sp <= top && top - sp < kSignalFrameLeast) return false;
    if (sp < top && top - sp < kDeepestCall && !in_signal_handler(sp, bp, thread, top)) return false;
    if (sp < top || sp - top > kOneStack) break;  // another stack, or a signal handler on this one
    --depth;
  }
  if (depth >= kMaxPending) {
    lose(LG_LOST_nested_too_deep);
    return false;
  }
  thread.pending[depth] = sp;
  thread.depth = depth + 1;
  return true;
}

void close_further_call(Thread& thread, u64 sp) {
  for (u32 depth = thread.depth; depth > 0; --depth) {
    if (thread.pending[depth - 1] != sp) continue;
    thread.depth = depth - 1;
    return;
  }
}

void note_first_free(Thread& thread, u32 id, u64 sp, u64 bp) {
  lg_stack& stack = stack_slot(id)->stack;
  u32 none = 0;
  if (!g.header->unwind || g.header->max_stacks || g.region->stacks > LG_HINT_STACKS ||
      !__atomic_compare_exchange_n(&stack.freed_by, &none, LG_FREED_UNKNOWN, false, __ATOMIC_RELAXED,
                                   __ATOMIC_RELAXED))
    return;
  if (const u32 freed_by = take_stack(sp, bp, thread, LG_FN_free); freed_by) store(stack.freed_by, freed_by);
}

void settle_old(Call& call, Hidden old, bool gave) {
  if (!call.thread || !call.took_old) return;
  const Busy busy(*call.thread);
  if (!gave && call.size) {
    put_block(place_of(old), call.old);
    return;
  }
  // there may be another child since
  if (g.process->figures.left_before) leave_to_heir(old, call.old);
  count_free(*call.thread, call.old);
}

}  // namespace leakgate::preload

// SPDX-License-Identifier: Apache-2.0
// What counts: a call that one of the family makes itself counts once, for the outer call; see
// bpf/heap.bpf.c, whose results these have to be.
#include "adapters/preload/calls.h"

#include "adapters/preload/unwind.h"

namespace leakgate::preload {
namespace {

constexpr u64 kSignalFrameLeast = 1024;
constexpr u64 kOneStack = 8 << 20;

/// Notes the call that starts at `sp`. False: it is one inside another one of the family, or cannot be told
/// apart from that.
bool open_call(Thread& thread, u64 sp, u64 bp) {
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

void close_call(Thread& thread, u64 sp) {
  for (u32 depth = thread.depth; depth > 0; --depth) {
    if (thread.pending[depth - 1] != sp) continue;
    thread.depth = depth - 1;
    return;
  }
}

void put_result(Call& call, const void* result) {
  Thread* const thread = call.thread;
  lg_live block;
  block.size = call.size;
  block.stack = call.stack;
  block.test = charged_window(*thread, g.process->figures);
  block.tid = thread->tid | (thread->disabled ? LG_LIVE_IGNORED : 0u);
  block.time_ms = now_ms();
  if (put_block(static_cast<u64>(word(result)), block)) count_allocation(*thread, block);
}

/// Keeps where the first block of a stack was freed: one walk for each stack that ever frees. See
/// bpf/heap.bpf.c.
void note_first_free(Thread& thread, u32 id, u64 sp, u64 bp) {
  lg_stack* const stack = stack_slot(id);
  u32 none = 0;
  if (!g.header->unwind || g.header->max_stacks || g.region->stacks > kMostStacksForHints ||
      !__atomic_compare_exchange_n(&stack->freed_by, &none, LG_FREED_UNKNOWN, false, __ATOMIC_RELAXED,
                                   __ATOMIC_RELAXED))
    return;
  if (const u32 freed_by = take_stack(sp, bp, thread, LG_FN_free); freed_by) store(stack->freed_by, freed_by);
}

}  // namespace

void enter_call(Call& call, u64 size, u32 function, u64 sp, u64 bp, const void* old) {
  Thread* const thread = current_thread();
  call.thread = nullptr;
  if (!thread) return;
  if (LG_UNLIKELY(thread->busy > 1)) return lose(LG_LOST_nested_too_deep);
  const Busy busy(*thread);
  if (!open_call(*thread, sp, bp)) return;
  call.thread = thread;
  call.sp = sp;
  call.size = size;
  // out of the ledger before the allocator can hand its address to another thread
  call.took_old = old && take_block(static_cast<u64>(word(old)), call.old);
  call.stack = take_stack(sp, bp, *thread, function);
}

void leave_call(Call& call, const void* result) {
  Thread* const thread = call.thread;
  if (!thread) return;
  const Busy busy(*thread);
  close_call(*thread, call.sp);
  if (result) put_result(call, result);
}

void note_block(Call& call, const void* result) {
  const Busy busy(*call.thread);
  put_result(call, result);
}

void settle_old(Call& call, const void* old, const void* result) {
  if (!call.thread || !call.took_old) return;
  const Busy busy(*call.thread);
  if (!result && call.size)
    put_block(static_cast<u64>(word(old)), call.old);
  else
    count_free(*call.thread, call.old);
}

void note_free(const void* block, u64 sp, u64 bp) {
  Thread* const thread = current_thread();
  if (!thread) return;
  if (LG_UNLIKELY(thread->busy > 1)) return lose(LG_LOST_nested_too_deep);
  const Busy busy(*thread);
  lg_live gone;
  if (!take_block(static_cast<u64>(word(block)), gone))
    __atomic_fetch_add(&g.process->unknown_frees, 1, __ATOMIC_RELAXED);
  else if (LG_UNLIKELY(count_free(*thread, gone)))
    note_first_free(*thread, gone.stack, sp, bp);
}

}  // namespace leakgate::preload

// SPDX-License-Identifier: Apache-2.0
// The malloc family, interposed: what the entries (entries_x86_64.cpp) jump to, with the stack pointer and
// frame pointer of the caller. A call that one of the family makes itself counts once, for the outer call;
// see bpf/heap.bpf.c, whose results these have to be.
#include "adapters/preload/process.h"
#include "adapters/preload/real.h"
#include "adapters/preload/unwind.h"

namespace leakgate::preload {
namespace {

constexpr u64 kSignalFrameLeast = 1024;
constexpr u64 kDeepestCall = 256 << 10;
constexpr u64 kOneStack = 8 << 20;

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

void enter(Call& call, u64 size, u32 function, u64 sp, u64 bp, const void* old = nullptr) {
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

void leave(Call& call, const void* result) {
  Thread* const thread = call.thread;
  if (!thread) return;
  const Busy busy(*thread);
  close_call(*thread, call.sp);
  if (!result) return;
  lg_live block;
  block.size = call.size;
  block.stack = call.stack;
  block.test = charged_window(*thread, g.process->figures);
  block.tid = thread->tid | (thread->disabled ? LG_LIVE_IGNORED : 0u);
  block.time_ms = now_ms();
  if (put_block(static_cast<u64>(word(result)), block)) count_allocation(*thread, block);
}

/// The old block of a realloc lives on where that failed.
void settle_old(Call& call, const void* old, const void* result) {
  if (!call.thread || !call.took_old) return;
  const Busy busy(*call.thread);
  if (!result && call.size)
    put_block(static_cast<u64>(word(old)), call.old);
  else
    count_free(*call.thread, call.old);
}

void note_free(const void* block) {
  Thread* const thread = current_thread();
  if (!thread) return;
  if (LG_UNLIKELY(thread->busy > 1)) return lose(LG_LOST_nested_too_deep);
  const Busy busy(*thread);
  lg_live gone;
  if (take_block(static_cast<u64>(word(block)), gone))
    count_free(*thread, gone);
  else
    __atomic_fetch_add(&g.process->unknown_frees, 1, __ATOMIC_RELAXED);
}

void* move_early_block(void* old, u64 bytes) {
  void* const block = real.malloc(bytes);
  const u64 had = early_block_bytes(old);
  if (block) copy_bytes(block, old, had < bytes ? had : bytes);
  return block;
}

}  // namespace

extern "C" {

void* lg_malloc(u64 size, u64 sp, u64 bp) {
  if (!find_real()) return early_block(size, 16);
  Call call;
  enter(call, size, LG_FN_malloc, sp, bp);
  void* const result = real.malloc(size);
  leave(call, result);
  return result;
}

void* lg_calloc(u64 count, u64 size, u64 sp, u64 bp) {
  if (!find_real()) return early_block(count * size, 16);
  Call call;
  enter(call, count * size, LG_FN_calloc, sp, bp);
  void* const result = real.calloc(count, size);
  leave(call, result);
  return result;
}

void* lg_realloc(void* old, u64 size, u64 sp, u64 bp) {
  if (!find_real()) return early_block(size, 16);
  if (is_early_block(old)) return move_early_block(old, size);
  Call call;
  enter(call, size, LG_FN_realloc, sp, bp, old);
  void* const result = real.realloc(old, size);
  settle_old(call, old, result);
  leave(call, result);
  return result;
}

void* lg_reallocarray(void* old, u64 count, u64 size, u64 sp, u64 bp) {
  if (!find_real()) return nullptr;
  if (is_early_block(old)) return move_early_block(old, count * size);
  Call call;
  enter(call, count * size, LG_FN_reallocarray, sp, bp, old);
  void* const result = real.reallocarray(old, count, size);
  settle_old(call, old, result);
  leave(call, result);
  return result;
}

void* lg_aligned_alloc(u64 alignment, u64 size, u64 sp, u64 bp) {
  if (!find_real()) return early_block(size, alignment);
  Call call;
  enter(call, size, LG_FN_aligned_alloc, sp, bp);
  void* const result = real.aligned_alloc(alignment, size);
  leave(call, result);
  return result;
}

void* lg_memalign(u64 alignment, u64 size, u64 sp, u64 bp) {
  if (!find_real()) return early_block(size, alignment);
  Call call;
  enter(call, size, LG_FN_memalign, sp, bp);
  void* const result = real.memalign(alignment, size);
  leave(call, result);
  return result;
}

int lg_posix_memalign(void** out, u64 alignment, u64 size, u64 sp, u64 bp) {
  constexpr int kNoMemory = 12;
  if (!find_real()) return kNoMemory;
  Call call;
  enter(call, size, LG_FN_posix_memalign, sp, bp);
  const int result = real.posix_memalign(out, alignment, size);
  leave(call, result == 0 ? *out : nullptr);
  return result;
}

void* lg_valloc(u64 size, u64 sp, u64 bp) {
  if (!find_real()) return nullptr;
  Call call;
  enter(call, size, LG_FN_valloc, sp, bp);
  void* const result = real.valloc(size);
  leave(call, result);
  return result;
}

void* lg_pvalloc(u64 size, u64 sp, u64 bp) {
  if (!find_real()) return nullptr;
  Call call;
  enter(call, size, LG_FN_pvalloc, sp, bp);
  void* const result = real.pvalloc(size);
  leave(call, result);
  return result;
}

void lg_free(void* block) {
  if (!block || is_early_block(block) || !find_real()) return;
  note_free(block);
  real.free(block);
}

void lg_cfree(void* block) {
  if (!block || is_early_block(block) || !find_real()) return;
  note_free(block);
  (real.cfree ? real.cfree : real.free)(block);
}

void lg_free_sized(void* block, u64 size) {
  if (!block || is_early_block(block) || !find_real()) return;
  note_free(block);
  real.free_sized ? real.free_sized(block, size) : real.free(block);
}

void lg_free_aligned_sized(void* block, u64 alignment, u64 size) {
  if (!block || is_early_block(block) || !find_real()) return;
  note_free(block);
  real.free_aligned_sized ? real.free_aligned_sized(block, alignment, size) : real.free(block);
}

}  // extern "C"

}  // namespace leakgate::preload

// SPDX-License-Identifier: Apache-2.0
// The malloc family, interposed: what the entries (entries_x86_64.cpp) jump to, with the stack pointer and
// frame pointer of the caller.
#include "adapters/preload/calls.h"
#include "adapters/preload/real.h"

namespace leakgate::preload {
namespace {

/// Says which block is being freed: the allocator's own function may be watched as well (sites.cpp).
class Freeing {
 public:
  explicit Freeing(const void* block) : thread_(g.self && g.self->ready ? own_thread : nullptr) {
    if (thread_) thread_->freeing = static_cast<u64>(word(block));
  }
  ~Freeing() {
    if (thread_) thread_->freeing = 0;
  }
  Freeing(const Freeing&) = delete;
  Freeing& operator=(const Freeing&) = delete;

 private:
  Thread* thread_;
};

/// What a call is about to give, which is hidden meanwhile even in the registers that functions save: the
/// thread may be stopped and looked at in between.
class InHand {
 public:
  /// `moved`: bytes in it that were in another block before.
  InHand(Thread* thread, Hidden block, u64 moved)
      : thread_(thread), block_(block), before_(thread ? thread->given : 0), moved_(moved) {
    if (!thread) return;
    if (moved) thread->given_bytes = moved;
    store(thread->given, block == kNothing ? 0 : shown(block));
  }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;

  /// Lets go of it: it is in a register from here on.
  [[gnu::always_inline]] void* give() const {
    u64 given = shown(block_);
    asm volatile("" : "+r"(given));
    if (thread_) {
      store(thread_->given, before_);  // of a call that this one's signal handler has interrupted
      if (moved_) thread_->given_bytes = 0;
    }
    return reinterpret_cast<void*>(given);
  }

 private:
  Thread* thread_;
  Hidden block_;
  u64 before_;
  u64 moved_;
};

/// Records what a call gave, and gives it.
[[gnu::always_inline]] inline void* give(Call& call, void* result) {
  const Hidden hidden = hide(result);
  const InHand hand(call.thread, hidden, 0);
  leave_call(call, hidden);
  return hand.give();
}

/// Likewise, what it gave for `old`.
[[gnu::always_inline]] inline void* give_moved(Call& call, void* old, void* result) {
  const Hidden hidden = hide(result);
  const InHand hand(call.thread, hidden, call.size);
  settle_old(call, hide(old), hidden != kNothing);
  leave_call(call, hidden);
  end_move(call);
  return hand.give();
}

/// `block` of `bytes`, with what the early block `old` has, if any.
void* move_early_block(void* old, void* block, u64 bytes) {
  const u64 had = is_early_block(old) ? early_block_bytes(old) : 0;
  if (block) copy_bytes(block, old, had < bytes ? had : bytes);
  return block;
}

/// Each call goes on to `function`, which is looked up by then.
[[gnu::always_inline]] inline void* allocate(void* (*const& function)(u64), u64 size, u32 name, u64 sp,
                                             u64 bp) {
  if (!find_real()) return early_block(size, 16);
  Call call;
  enter_call(call, size, name, sp, bp);
  return give(call, function(size));
}

[[gnu::always_inline]] inline void* allocate_zeroed(void* (*const& function)(u64, u64), u64 count, u64 size,
                                                    u64 sp, u64 bp) {
  if (!find_real()) {
    u64 bytes = 0;
    return __builtin_mul_overflow(count, size, &bytes) ? nullptr : early_block(bytes, 16);
  }
  Call call;
  enter_call(call, product(count, size), LG_FN_calloc, sp, bp);
  return give(call, function(count, size));
}

[[gnu::always_inline]] inline void* allocate_aligned(void* (*const& function)(u64, u64), u64 alignment,
                                                     u64 size, u32 name, u64 sp, u64 bp) {
  if (!find_real()) return early_block(size, alignment);
  Call call;
  enter_call(call, size, name, sp, bp);
  return give(call, function(alignment, size));
}

[[gnu::always_inline]] inline void* reallocate(void* (*const& function)(void*, u64), void* old, u64 size,
                                               u64 sp, u64 bp) {
  if (!find_real()) return move_early_block(old, early_block(size, 16), size);
  if (is_early_block(old)) return move_early_block(old, real.malloc(size), size);
  Call call;
  enter_call(call, size, LG_FN_realloc, sp, bp, old);
  return give_moved(call, old, function(old, size));
}

[[gnu::always_inline]] inline void release(void (*const& function)(void*), void* block, u64 sp, u64 bp) {
  if (!block || is_early_block(block) || !find_real()) return;
  __builtin_prefetch(static_cast<const u64*>(block) - 1, 1);  // the allocator's own word in front of it
  note_free(hide(block), sp, bp);
  const Freeing freeing(block);
  function(block);
}

/// Two names of one function are told as one, as probes see them.
u32 memalign_name() {
  return real.memalign == real.aligned_alloc ? LG_FN_aligned_alloc : LG_FN_memalign;
}

}  // namespace

extern "C" {

void* lg_malloc(u64 size, u64 sp, u64 bp) {
  return allocate(real.malloc, size, LG_FN_malloc, sp, bp);
}

void* lg_calloc(u64 count, u64 size, u64 sp, u64 bp) {
  return allocate_zeroed(real.calloc, count, size, sp, bp);
}

void* lg_realloc(void* old, u64 size, u64 sp, u64 bp) {
  return reallocate(real.realloc, old, size, sp, bp);
}

void* lg_reallocarray(void* old, u64 count, u64 size, u64 sp, u64 bp) {
  if (!find_real()) return nullptr;
  if (is_early_block(old)) {
    u64 bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) return real.reallocarray(nullptr, count, size);
    return move_early_block(old, real.malloc(bytes), bytes);
  }
  Call call;
  enter_call(call, product(count, size), LG_FN_reallocarray, sp, bp, old);
  return give_moved(call, old, real.reallocarray(old, count, size));
}

void* lg_aligned_alloc(u64 alignment, u64 size, u64 sp, u64 bp) {
  return allocate_aligned(real.aligned_alloc, alignment, size, LG_FN_aligned_alloc, sp, bp);
}

void* lg_memalign(u64 alignment, u64 size, u64 sp, u64 bp) {
  return allocate_aligned(real.memalign, alignment, size, memalign_name(), sp, bp);
}

int lg_posix_memalign(void** out, u64 alignment, u64 size, u64 sp, u64 bp) {
  constexpr int kNoMemory = 12;
  if (!find_real()) return kNoMemory;
  Call call;
  enter_call(call, size, LG_FN_posix_memalign, sp, bp);
  const int result = real.posix_memalign(out, alignment, size);
  leave_call(call, result == 0 ? hide(*out) : kNothing);
  return result;
}

void* lg_valloc(u64 size, u64 sp, u64 bp) {
  return allocate(real.valloc, size, LG_FN_valloc, sp, bp);
}

void* lg_pvalloc(u64 size, u64 sp, u64 bp) {
  return allocate(real.pvalloc, size, LG_FN_pvalloc, sp, bp);
}

void lg_free(void* block, u64 sp, u64 bp) {
  release(real.free, block, sp, bp);
}

// What these add to free() is for the allocator's own checks. They are not looked up: where they are missing,
// the dynamic linker would write a message, in memory of the program's own allocator.
void lg_cfree(void* block, u64 sp, u64 bp) {
  release(real.free, block, sp, bp);
}

void lg_free_sized(void* block, u64, u64 sp, u64 bp) {
  release(real.free, block, sp, bp);
}

void lg_free_aligned_sized(void* block, u64, u64, u64 sp, u64 bp) {
  release(real.free, block, sp, bp);
}

void* lg_libc_malloc(u64 size, u64 sp, u64 bp) {
  return allocate(real.libc.malloc, size, LG_FN_malloc, sp, bp);
}

void* lg_libc_calloc(u64 count, u64 size, u64 sp, u64 bp) {
  return allocate_zeroed(real.libc.calloc, count, size, sp, bp);
}

void* lg_libc_realloc(void* old, u64 size, u64 sp, u64 bp) {
  return reallocate(real.libc.realloc, old, size, sp, bp);
}

void* lg_libc_memalign(u64 alignment, u64 size, u64 sp, u64 bp) {
  return allocate_aligned(real.libc.memalign, alignment, size, memalign_name(), sp, bp);
}

void* lg_libc_valloc(u64 size, u64 sp, u64 bp) {
  return allocate(real.libc.valloc, size, LG_FN_valloc, sp, bp);
}

void* lg_libc_pvalloc(u64 size, u64 sp, u64 bp) {
  return allocate(real.libc.pvalloc, size, LG_FN_pvalloc, sp, bp);
}

void lg_libc_free(void* block, u64 sp, u64 bp) {
  release(real.libc.free, block, sp, bp);
}

}  // extern "C"

}  // namespace leakgate::preload

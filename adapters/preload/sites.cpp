// SPDX-License-Identifier: Apache-2.0
// Allocation functions that are not reached through the dynamic linker: those of an allocator linked into the
// program, an allocator's own names beside malloc, operators new that do not go through malloc. A jump at
// their start leads here; see bpf/heap.bpf.c and bpf/operators.bpf.h, whose results these have to be.
#include "adapters/preload/calls.h"

namespace leakgate::preload {
namespace {

u64 argument(const u64* arguments, u64 number) {
  constexpr u64 kArguments = 6;
  return number < kArguments ? arguments[number] : 0;
}

bool is_operator(const Site& site) {
  return (site.cookie & 0xff) == LG_FN_operator_new;
}

/// A call of the C family is under way further out on this stack: it counts for both.
bool is_inside_call(const Thread& thread, u64 sp) {
  if (!thread.depth) return false;
  const u64 outer = thread.pending[thread.depth - 1];
  return sp < outer && outer - sp < kDeepestCall;
}

/// A function that an operator calls counts for it; where it calls none, it counts itself at its end.
void enter_operator(Call& call, u64 size, u64 sp, u64 bp) {
  Thread* const thread = current_thread();
  call.thread = nullptr;
  if (!thread || thread->busy > 1 || is_inside_call(*thread, sp)) return;
  call.thread = thread;
  call.sp = sp;
  call.bp = bp;
  call.size = size;
  call.function = LG_FN_operator_new;
  call.took_old = false;
}

void leave_operator(Call& call, Hidden result) {
  if (call.thread && result != kNothing && !has_block(result)) note_block(call, result);
}

}  // namespace

extern "C" {

void lg_site_enter(const u64* arguments, const Site* site, u64 sp, u64 bp, Call* call) {
  const u64 cookie = site->cookie, count = cookie >> 12 & 0xf, old = cookie >> 16 & 0xf;
  u64 size = argument(arguments, cookie >> 8 & 0xf);
  if (count != LG_NO_ARG) size = product(argument(arguments, count), size);
  if (is_operator(*site)) return enter_operator(*call, size, sp, bp);
  const u64 block = old == LG_NO_ARG ? 0 : argument(arguments, old);
  enter_call(*call, size, static_cast<u32>(cookie & 0xff), sp, bp, reinterpret_cast<const void*>(block));
}

void lg_site_leave(Call* call, u64 result, const Site* site, const u64* arguments) {
  const u64 out = site->cookie >> 20 & 0xf, old = site->cookie >> 16 & 0xf;
  Hidden block = hide(reinterpret_cast<const void*>(result));
  if (is_operator(*site)) return leave_operator(*call, block);
  if (out != LG_NO_ARG)
    block = result & 0xffffffff ? kNothing : hide(*reinterpret_cast<void* const*>(argument(arguments, out)));
  if (old != LG_NO_ARG)
    settle_old(*call, hide(reinterpret_cast<const void*>(argument(arguments, old))), block != kNothing);
  leave_call(*call, block);
  end_move(*call);
}

void lg_site_note_free(const void* block, u64 sp, u64 bp) {
  if (!block) return;
  const Thread* const thread = current_thread();
  if (thread && thread->freeing == static_cast<u64>(word(block))) return;
  note_free(hide(block), sp, bp);
}
}

}  // namespace leakgate::preload

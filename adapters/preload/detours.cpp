// SPDX-License-Identifier: Apache-2.0
// Where detours arrive, with the registers of the call they stand at.
#include "adapters/preload/marks.h"
#include "adapters/preload/process.h"
#include "adapters/preload/real.h"

namespace leakgate::preload {
namespace {

/// exit and quick_exit: where the program's own stack ends, and the registers it may still use.
void note_exit_call(const u64* registers) {
  constexpr u8 kKept[] = {LG_REG_BX, LG_REG_BP, LG_REG_12, LG_REG_13, LG_REG_14, LG_REG_15};
  lg_proc& figures = g.process->figures;
  figures.exit_sp = registers[LG_REG_SP];
  for (u32 i = 0; i < sizeof kKept; ++i)
    figures.exit_registers[i] = registers[kKept[i]];
  figures.exit_tid = own_tid();
}

/// Another thread ends the process and is held for it: if this one went on, it would end the process before
/// anybody has looked. It may be a handler of that very thread as well.
void await_end() {
  constexpr u64 kNapNs = 2'000'000;
  constexpr u32 kNaps = 1000;  // for the moment to be announced, which it is not where nobody could be told
  Process& process = *g.process;
  for (u32 nap = 0; nap < kNaps && is_leakgate_there();) {
    const u32 end = load(process.figures.end_moment), answered = load(process.answered);
    if (end && static_cast<s32>(answered - end) >= 0) return;
    if (!end) ++nap;
    futex_wait(process.answered, answered, kNapNs);
  }
}

void hold_at_end(const u64* registers, u32 kind) {
  lg_proc& figures = g.process->figures;
  if (g.header->moments == kMomentsNone) return;
  // another thread may begin to end the process at any time, in whose end no moment counts
  const auto is_ending = [&] { return (load(figures.flags) & LG_PROC_ENDING) != 0; };
  if (!is_ending() && is_idle_moment() && !is_ending()) return;
  if (__atomic_fetch_or(&figures.flags, LG_PROC_ENDING, __ATOMIC_ACQ_REL) & LG_PROC_ENDING)
    return await_end();
  hold_at_moment(registers, kind, figures.test, nullptr);
}

void end_process(const u64* registers) {
  g.process->exit_code = static_cast<s32>(registers[LG_REG_DI]);
  hold_at_end(registers, LG_MOMENT_EXIT);
}

/// abort(), where no handler of the program's own may turn the signal away: the last time that anybody can
/// look. The kernel side looks when the threads are gone, and what it says must be the same.
void abort_process(const u64* registers) {
  constexpr long kSigAbort = 6, kMaskBytes = 8;
  constexpr u64 kIgnored = 1;
  struct Action {
    u64 handler, flags, restorer, mask;
  } action{};
  if (system_call(SYS_rt_sigaction, kSigAbort, 0, word(&action), kMaskBytes) != 0) return;
  if (action.handler <= kIgnored) hold_at_end(registers, LG_MOMENT_DEATH);
}

/// dlopen, or dlmopen: a library with RTLD_DEEPBIND, or in another namespace than the program's, goes past
/// this one.
void note_load(const u64* registers, bool has_space) {
  constexpr u64 kNoLoad = 4, kDeepBind = 8;  // RTLD_NOLOAD, RTLD_DEEPBIND
  const u64 space = has_space ? registers[LG_REG_DI] : 0;
  const u64 file = registers[has_space ? LG_REG_SI : LG_REG_DI];
  const u64 flags = registers[has_space ? LG_REG_DX : LG_REG_SI];
  if (file && !(flags & kNoLoad) && (space || flags & kDeepBind))
    __atomic_fetch_add(&g.header->loaded_apart, 1, __ATOMIC_RELAXED);
}

/// The list of mapped objects changes; it is consistent where the word `distance` from here is 0.
void note_link_map(const u64* registers, s32 distance) {
  u32 state = 0;
  if (distance && read_memory(&state, registers[LG_REG_IP] + static_cast<u64>(s64{distance}), sizeof state) !=
                      sizeof state)
    return;
  if (state == 0) examine_mappings();
}

/// The child's place, taken before the fork, so that the parent knows where the child will say that it is
/// there.
void before_fork() {
  if (current_thread()) reserve_child();
}

/// A parent that ends at once must not end before its child is known: nobody would wait for the child.
void after_fork_in_parent() {
  if (g.self->ready) await_child();
}

void after_fork_in_child() {
  (void)current_thread();
}

}  // namespace

void watch_forks() {
  using Register = int (*)(void (*)(), void (*)(), void (*)(), void*);
  if (find_real() && real.register_atfork)
    reinterpret_cast<Register>(real.register_atfork)(before_fork, after_fork_in_parent, after_fork_in_child,
                                                     nullptr);
}

/// fork without what others have asked for around it.
extern "C" __attribute__((visibility("default"))) int _Fork() {
  if (!find_real() || !real.fork) return -1;
  before_fork();
  const int child = real.fork();
  if (child == 0)
    after_fork_in_child();
  else if (child > 0)
    after_fork_in_parent();
  else
    give_up_child();
  return child;
}

extern "C" void lg_on_detour(const u64* registers, u32 place) {
  if (!current_thread()) return;
  Thread& thread = *own_thread;
  if (thread.busy > 1) return;
  const u32 kind = place >> kDetourShift, what = place & ((1u << kDetourShift) - 1);
  if (kind == kDetourMark && is_idle_mark(registers, what)) return;
  // a vfork child is in its parent's memory
  if (g.process->figures.tgid != own_pid()) return;
  switch (kind) {
    case kDetourMark:
      hit_mark(registers, what);
      break;
    case kDetourExit:
      end_process(registers);
      break;
    case kDetourAbort:
      abort_process(registers);
      break;
    case kDetourLoad:
      note_load(registers, what != 0);
      break;
    case kDetourExitCalled:
      note_exit_call(registers);
      break;
    case kDetourLinkMap:
      note_link_map(registers, static_cast<s32>(what << (32 - kDetourShift)) >> (32 - kDetourShift));
      break;
    default:
      break;
  }
}

extern "C" void lg_on_query(const u64* registers, const lg_query* query) {
  hit_query(registers, query);
}

/// The dynamic linker calls it once all objects are mapped, before the program's own constructors.
__attribute__((constructor(101))) static void begin() {
  if (find_real()) (void)current_thread();
}

}  // namespace leakgate::preload

// SPDX-License-Identifier: Apache-2.0
// Judged moments: a process with outstanding blocks is held at the end of a test window and at its own end,
// until leakgate has looked. The thread that got there sleeps here; its registers are in the ledger, so
// nobody has to stop it.
#include "adapters/preload/state.h"

namespace leakgate::preload {
namespace {

constexpr u64 kWaitNs = 200'000'000;

Thread& thread_at(u32 number) {
  return *reinterpret_cast<Thread*>(g.region_bytes + kThreadsAt + number * kThreadStride);
}

/// One asker at a time. False: another one does not come to an end.
bool take_turn(u32 tid) {
  constexpr u32 kTurns = 1'000'000;
  for (u32 turn = 0; turn < kTurns; ++turn) {
    u32 nobody = 0;
    if (__atomic_compare_exchange_n(&g.process->asker_tid, &nobody, tid, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
      return true;
    system_call(SYS_sched_yield);
  }
  return false;
}

}  // namespace

void sum_up() {
  Process& process = *g.process;
  lg_proc& figures = process.figures;
  ThreadCounts all{};
  for (u32 i = 0, count = load(process.threads); i < count; ++i)
    all.add(thread_at(i).counts, process.epoch);
  figures.test_live_bytes = static_cast<u64>(all.test_live_bytes);
  if (all.test_live_bytes > static_cast<s64>(figures.test_peak_bytes))
    figures.test_peak_bytes = figures.test_live_bytes;
  all.write_to(figures);
}

bool is_idle_moment() {
  sum_up();
  const lg_proc& figures = g.process->figures;
  return static_cast<s64>(figures.allocations - figures.frees) <= 0 ||
         (figures.flags & (LG_PROC_DEATH_TEST | LG_PROC_ENDING));
}

void hold_at_moment(const u64* registers, u32 kind, u32 window, const lg_query* query) {
  Process& process = *g.process;
  const u32 tid = own_tid();
  if (!is_leakgate_there() || !take_turn(tid)) return;
  copy_bytes(process.asker, registers, sizeof process.asker);
  lg_record_moment record;
  begin_record(record, LG_REC_MOMENT);
  record.moment = __atomic_add_fetch(&process.figures.moment, 1, __ATOMIC_ACQ_REL);
  if (kind == LG_MOMENT_EXIT || kind == LG_MOMENT_DEATH) store(process.figures.end_moment, record.moment);
  record.kind = kind;
  record.window = window;
  record.tid = tid;
  if (query) {
    record.question = query->kind;
    record.flags = query->flags;
    record.answer_bytes = query->answer_bytes;
    record.answer = query->answer;
  }
  if (send_record(&record.head, sizeof record, true)) {
    for (;;) {
      const u32 answered = load(process.answered);
      if (static_cast<s32>(answered - record.moment) >= 0 || !is_leakgate_there()) break;
      futex_wait(process.answered, answered, kWaitNs);
    }
  }
  store(process.asker_tid, 0u);
}

}  // namespace leakgate::preload

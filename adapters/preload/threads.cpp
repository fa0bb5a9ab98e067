// SPDX-License-Identifier: Apache-2.0
// A slot of the ledger for each thread, taken at its first event; the slots of threads that are gone are used
// again.
#include "adapters/preload/process.h"

namespace leakgate::preload {

State g;
__thread Thread* own_thread __attribute__((tls_model("initial-exec")));

namespace {

u64 inherited_low, inherited_high;  // of the stack that a forked child goes on with

constexpr u32 kFirstScan = 64;
constexpr u64 kMainStackBytes = 64 << 20;

Thread& slot_at(u32 number) {
  return *reinterpret_cast<Thread*>(g.region_bytes + kThreadsAt + number * kThreadStride);
}

bool take_slot(Thread& slot, u32 tid) {
  u32 free = 0;
  return __atomic_compare_exchange_n(&slot.tid, &free, tid, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/// What a new thread must not find from the one before; counters go on.
void clear_slot(Thread& slot) {
  slot.births = 0;
  slot.own_scope = 0;
  slot.disabled = 0;
  slot.freeing = 0;
  slot.moving = 0;  // cancelled or jumped out of an allocation function
  slot.given = 0;
  slot.given_bytes = 0;
  slot.started_with = 0;
  slot.busy = 0;
  slot.depth = 0;
  slot.stack_low = 0;
  slot.stack_high = 0;
  slot.signal_stack = 0;
  slot.walks[0].depth = 0;
  slot.walks[1].depth = 0;
  ++slot.known_epoch;
}

void free_dead_slots() {
  constexpr long kNoSuchThread = -3;
  const u32 count = load(g.process->threads);
  u32 alive = 0;
  for (u32 i = 0; i < count; ++i) {
    const u32 tid = load(slot_at(i).tid);
    if (tid == 0 || tid == kStartingThread) continue;
    if (system_call(SYS_tgkill, own_pid(), tid, 0) == kNoSuchThread)
      store(slot_at(i).tid, 0u);
    else
      ++alive;
  }
  g.scan_threads_at = alive * 2 > kFirstScan ? alive * 2 : kFirstScan;
}

Thread* new_slot(u32 tid) {
  Process& process = *g.process;
  if (load(process.threads) >= (g.scan_threads_at ? g.scan_threads_at : kFirstScan)) free_dead_slots();
  for (u32 i = 0, count = load(process.threads); i < count; ++i) {
    if (load(slot_at(i).tid) != 0 || !take_slot(slot_at(i), tid)) continue;
    clear_slot(slot_at(i));
    slot_at(i).number = i;  // nobody may have got as far as to say so
    return &slot_at(i);
  }
  for (;;) {
    const u32 number = __atomic_fetch_add(&process.threads, 1, __ATOMIC_ACQ_REL);
    if (number > 0) store(process.many, 1u);
    if (number >= g.header->max_threads) {
      __atomic_fetch_sub(&process.threads, 1, __ATOMIC_ACQ_REL);
      lose(LG_LOST_thread_table_full);
      return nullptr;
    }
    Thread& slot = slot_at(number);
    store(slot.number, number);
    if (take_slot(slot, tid)) return &slot;  // else another thread's search has found it first
  }
}

/// Reads a hexadecimal number; the first byte behind it.
const char* read_hex(const char* at, u64& value) {
  value = 0;
  for (;; ++at) {
    const char c = *at;
    if (c >= '0' && c <= '9')
      value = value << 4 | static_cast<u64>(c - '0');
    else if (c >= 'a' && c <= 'f')
      value = value << 4 | static_cast<u64>(c - 'a' + 10);
    else
      return at;
  }
}

/// The mapping that has both the stack pointer and the thread's control block, which glibc puts at the top of
/// the stack: in it everything further out than the stack pointer is there for the thread's life. `scratch`:
/// room to work in.
void find_stack_in(const char* maps, Thread& thread, u64 sp, char* scratch, u64 room) {
  const u64 inside = thread.thread_pointer;
  const long fd = system_call(SYS_openat, -100, word(maps), 0x80000);
  if (fd < 0) return;
  u64 kept = 0;
  for (;;) {
    const long got = system_call(SYS_read, fd, word(scratch + kept), static_cast<long>(room - 1 - kept));
    if (got <= 0) break;
    const u64 bytes = kept + static_cast<u64>(got);
    scratch[bytes] = 0;
    u64 line = 0;
    for (u64 i = 0; i < bytes; ++i) {
      if (scratch[i] != '\n') continue;
      u64 start = 0, end = 0;
      const char* const dash = read_hex(scratch + line, start);
      read_hex(dash + 1, end);
      line = i + 1;
      if (sp < start || sp >= end || inside < start || inside >= end) continue;
      thread.stack_low = start;
      // the frames end below the control block; what lies above may be somebody else's, joined by the kernel
      thread.stack_high = inside + 8;
    }
    kept = bytes - line;
    if (thread.stack_high || kept >= room / 2) break;
    for (u64 i = 0; i < kept; ++i)
      scratch[i] = scratch[line + i];
  }
  system_call(SYS_close, fd);
}

/// For each thread the kernel would make entries of its own in /proc, and take ten times as long for it. But
/// those of the process are empty once its main thread has ended.
void find_stack(Thread& thread, u64 sp, char* scratch, u64 room) {
  find_stack_in("/proc/self/maps", thread, sp, scratch, room);
  if (!thread.stack_high) find_stack_in("/proc/thread-self/maps", thread, sp, scratch, room);
}

void describe_thread(Thread& thread, u32 tid) {
  u64 sp;
  asm("mov %%rsp, %0" : "=r"(sp));
  thread.thread_pointer = thread_pointer();
  if (tid == own_pid() && sp >= inherited_low && sp < inherited_high) {
    thread.stack_low = inherited_low;
    thread.stack_high = inherited_high;
    return;
  }
  // nothing else is ever mapped so close below the main thread's stack
  const u64 end = g.region->stack_end;
  if (tid == own_pid() && sp < end && end - sp < kMainStackBytes) {
    thread.stack_low = end - kMainStackBytes;
    thread.stack_high = end;
    return;
  }
  find_stack(thread, sp, reinterpret_cast<char*>(thread.walks[1].frames), sizeof thread.walks[1].frames);
  thread.walks[1].depth = 0;
}

}  // namespace

Thread* find_thread() {
  if (LG_UNLIKELY(g.off)) return nullptr;
  if (!g.self || !g.self->ready) {
    if (!start_process()) return nullptr;
    own_thread = nullptr;
  }
  if (own_thread) return own_thread;
  const u32 tid = own_tid();
  Thread* const slot = new_slot(tid);
  if (!slot) return nullptr;
  slot->tid = tid;
  describe_thread(*slot, tid);
  own_thread = slot;
  return slot;
}

void keep_walks_above(u64 start, u64 end) {
  for (u32 i = 0, count = load(g.process->threads); i < count; ++i) {
    Thread& thread = slot_at(i);
    if (start < thread.stack_high && end > thread.stack_low) store(thread.stack_low, end);
  }
}

void inherit_stack(u64 low, u64 high) {
  inherited_low = low;
  inherited_high = high;
}

/// What a new thread is to run.
struct Routine {
  u64 function;
  u64 argument;
};

/// A slot for the thread that is about to be started; nullptr where it is not recorded.
extern "C" Thread* lg_before_thread(u64 function, u64 argument) {
  Thread* const self = current_thread();
  if (!self) return nullptr;
  store(g.process->many, 1u);
  Thread* const slot = new_slot(kStartingThread);
  if (!slot) return nullptr;
  const lg_proc& figures = g.process->figures;
  const u32 window = charged_window(*self, figures);
  slot->births = figures.test_root || self->births ? window : 0;
  slot->pending[0] = function;
  slot->pending[1] = argument;
  store(slot->started_with, argument);
  return slot;
}

/// In the new thread.
extern "C" Routine lg_begin_thread(Thread* slot) {
  const Routine routine{slot->pending[0], slot->pending[1]};
  const u32 tid = own_tid();
  store(slot->tid, tid);
  describe_thread(*slot, tid);
  own_thread = slot;
  return routine;
}

}  // namespace leakgate::preload

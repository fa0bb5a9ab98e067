// SPDX-License-Identifier: Apache-2.0
// What the parts of the preloaded library share: where the ledger is mapped, the calling thread's slot in it,
// and the allocator underneath.
#pragma once

#include "adapters/preload/system.h"

namespace leakgate::preload {

/// A page that the kernel clears in forked children, however they were forked.
struct Self {
  u32 ready;  ///< 1: this process is in the ledger
};

struct State {
  Self* self;
  u8* control;  ///< the part for all; nullptr: not traced
  Header* header;
  Process* process;
  u8* region_bytes;
  Region* region;
  u32 index;    ///< of the process; in a forked child that of its parent, until it is adopted
  u32 phase;    ///< enum Phase
  u32 starter;  ///< thread that sets the library up
  u32 starter_pid;
  u32 off;  ///< nothing is recorded in this process
  u32 scan_threads_at;
  u32 start_ms;           ///< leakgate's start
  u64 last_beat;          ///< of leakgate's, as far as is known
  u64 live_shape;         ///< of the live blocks' last tier, where a block is looked for first
  u64 clock;              ///< clock_gettime of the C library; 0: not looked up yet
  char path[48];          ///< of the memory file
  char own_variable[64];  ///< what the environment has for us, NAME=VALUE
  char own_loader[4096];
  const char* library;  ///< our part of LD_PRELOAD
};

enum Phase : u32 { kUntouched, kStarting, kStarted };

extern State g;
extern __thread Thread* own_thread __attribute__((tls_model("initial-exec")));

/// Finds or makes the calling thread's slot, and the process's if that is new; nullptr: not recorded.
Thread* find_thread();

inline Thread* current_thread() {
  Thread* const thread = own_thread;
  return LG_LIKELY(thread && g.self->ready) ? thread : find_thread();
}

inline void lose(lg_loss cause) {
  __atomic_fetch_add(&g.header->lost[cause], 1, __ATOMIC_RELAXED);
}
inline bool many_threads() {
  return g.process->many != 0;
}

/// Milliseconds since the start, as of the last timer tick.
inline u32 now_ms() {
  constexpr long kMonotonicCoarse = 6;
  s64 time[2] = {};
  if (g.clock)
    reinterpret_cast<int (*)(int, s64*)>(g.clock)(kMonotonicCoarse, time);
  else
    system_call(SYS_clock_gettime, kMonotonicCoarse, word(time));
  const u32 now = static_cast<u32>(time[0]) * 1000 + static_cast<u32>(time[1]) / 1'000'000;
  const s32 since = static_cast<s32>(now - g.start_ms);
  return since > 0 ? static_cast<u32>(since) : 0;
}
// ---- patience.cpp ----
/// Sleeps for a while: whether leakgate says meanwhile that it is there.
bool still_beats();
/// True while leakgate reads what is written here.
inline bool is_leakgate_there() {
  constexpr u64 kLongestBeatNs = 2'000'000'000;
  if (load(g.header->ended)) return false;
  return LG_LIKELY(monotonic_ns() - load(g.header->beat_ns) < kLongestBeatNs) || still_beats();
}
/// How long something is waited for. Where a job is stopped, or its machine, time goes by in which nobody
/// could have done it: what passes between two looks counts for kMostAtOnce at most.
class Patience {
 public:
  explicit Patience(u64 ns) : left_(ns), looked_(monotonic_ns()) {}
  bool is_over();

 private:
  u64 left_;
  u64 looked_;
};

// ---- process.cpp ----
/// Sets the library up for this program, once; in a forked child for the child. False: not recorded.
bool start_process();
/// Waits until leakgate has examined what the process has mapped, and does to its memory what leakgate says.
void examine_mappings();

// ---- records.cpp ----
/// Writes a control record, and wakes leakgate where `urgent`. False: the ring is full, and that is counted.
bool send_record(lg_record* record, u32 bytes, bool urgent);
/// Writes one, and waits until leakgate has done what it does about it, for kLongestWaitNs at most.
void send_and_wait(lg_record* record, u32 bytes);
/// A record of this process.
template <typename Record>
void begin_record(Record& record, u32 type) {
  clear_bytes(&record, sizeof record);
  record.head.type = type;
  record.head.proc = g.index;
  record.head.time_ns = monotonic_ns();
}

// ---- threads.cpp ----
/// What the thread's allocations are charged to: what is open now, or the test that started the thread.
inline u32 charged_window(const Thread& thread, const lg_proc& process) {
  if (!thread.births || (process.test_root && thread.births >= process.test_root)) return process.test;
  return thread.births;
}

/// Memory from `start` to `end` is about to become unreadable: where it lies in a thread's stack, the kernel
/// is asked from now on for what stands further in than that.
void keep_walks_above(u64 start, u64 end);

// ---- stack_table.cpp ----
/// The frames of a walk, outermost first: those before `first` are known from the walk before.
struct NewPath {
  FrameState* frames;
  u32 first;
  u32 count;
  /// Frames that are told; of the last one, or set when that is known.
  [[nodiscard]] u32 depth() const { return count ? frames[count - 1].depth : 0; }
};
/// What a stack ends in.
struct StackEnd {
  u32 function;   ///< enum lg_function
  u32 truncated;  ///< enum lg_truncated
  u32 owner;      ///< the thread that alone counts in it (stack_owner()); 0: nobody's own
};
/// A path's hash is made of its frames as a number is of its digits, the innermost one last: each may be
/// added at either end. Rabin, Karp: Efficient randomized pattern-matching algorithms, 1987.
inline constexpr u64 kPathBase = 0x9e3779b97f4a7c15ull;
inline u64 frame_hash(u64 frame) {
  const u64 hash = frame * 0xbf58476d1ce4e5b9ull;
  return hash ^ hash >> 32;
}
/// Brings near where the path with this hash will be looked for.
void prefetch_path(u64 hash, const StackEnd& end);
struct FoundStack {
  u32 id;     ///< 0: no room, and the loss is counted
  bool made;  ///< it was not there before
};
FoundStack stack_of(const NewPath& path, const StackEnd& end);
inline u32 stack_owner(const Thread& thread) {
  constexpr u32 kOwners = 63;
  return many_threads() && thread.number < kOwners ? thread.number + 1 : 0;
}
inline StackSlot* stack_slot(u32 id) {
  return id ? reinterpret_cast<StackSlot*>(g.region_bytes + kStacksAt) + id : nullptr;
}
inline StackShare* share_slot(u32 id) {
  return reinterpret_cast<StackShare*>(g.region_bytes + kSharesAt) + id;
}

// ---- walk.cpp ----
/// take_stack() by a walk (known_stacks.h).
u32 take_new_stack(u64 sp, u64 bp, Thread& thread, u32 function);

// ---- moment.cpp ----
/// Nothing to judge, or not to be judged.
bool is_idle_moment();
/// Holds the calling thread, which entered a function with `registers`, until leakgate has looked.
void hold_at_moment(const u64* registers, u32 kind, u32 window, const lg_query* query);
/// Counters of the process are brought up to date from those of its threads.
void sum_up();

// ---- windows.cpp ----
u32 open_window(u32 framework, u64 object);
u32 shut_window();
/// What the framework does for itself at the start of a test is not charged to it, where it is known to end.
void await_body();
/// A test's function is called, or one of its fixtures: `function` holds it.
void begin_body(u32 framework, u64 function);
void describe_end(lg_record_test& record);

// ---- scopes.cpp ----
/// A block charged to `window` was made or freed.
void count_in_scopes(u32 window, bool made);
/// Opens a scope; its number, 0 where there is no room. Nothing is charged to it before announce_scope().
u32 open_scope(u64 object);
/// Leakgate has been told of the scope that `object` names.
void announce_scope(u64 object);
/// Closes the scope that `object` names; its number, 0 where none is open.
u32 close_scope(u64 object);
/// Closes the scopes opened inside window `window`.
void close_scopes_in(u32 window);
/// The innermost announced scope with a number below `limit`, 0 for none.
u32 innermost_scope(u32 limit);
/// Has blocks charged to what is innermost now. Whoever opened or closed something calls it after that; what
/// another thread has set since it was looked at is not overwritten.
void settle_charge();
/// The number of the open scope that `object` names, if blocks charged to it or inside it are outstanding.
u32 find_dirty_scope(u64 object);

/// Reads memory of this process that may not be there. Bytes read from the start.
u64 read_memory(void* to, u64 from, u64 bytes);

}  // namespace leakgate::preload

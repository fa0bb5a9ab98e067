// SPDX-License-Identifier: Apache-2.0
// What the preloaded library and harness/capture/preload agree on: the layout of one memory file that both
// map. First a part for all processes, then a region for each process image. The file is as large as it can
// ever get, and takes memory only where something was written. Records, marks, rows and blocks are those of
// bpf/wire.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/wire.h"

namespace leakgate::preload {

// the types of bpf/wire.h
using u8 = __u8;
using u16 = __u16;
using u32 = __u32;
using u64 = __u64;
using s32 = __s32;
using s64 = __s64;

/// Names the memory file: "PID/FD" of the leakgate that made it.
inline constexpr char kVariable[] = "LEAKGATE_PRELOAD";
inline constexpr char kFileName[] = "leakgate-ledger";

// ---- the file ----

inline constexpr u64 kMiB = 1ull << 20;
inline constexpr u64 kGiB = 1ull << 30;
inline constexpr u32 kMaxProcesses = 65535;  ///< images; one more is the canary's
inline constexpr u64 kProcessesAt = kMiB;
inline constexpr u64 kRingAt = 96 * kMiB;
inline constexpr u64 kModulesAt = 112 * kMiB;
inline constexpr u64 kMarksAt = 114 * kMiB;
inline constexpr u64 kRowsAt = 128 * kMiB;
inline constexpr u64 kControlBytes = 2 * kGiB;
inline constexpr u64 kMaxRows = (kControlBytes - kRowsAt) / sizeof(lg_row);
inline constexpr u64 kRegionsAt = 4 * kGiB;
inline constexpr u64 kRegionBytes = 32 * kGiB;
inline constexpr u64 kFileBytes = kRegionsAt + (kMaxProcesses + 2ull) * kRegionBytes;

// ---- records: a ring of slots that any process may write ----

inline constexpr u32 kRingSlots = 4096;
inline constexpr u32 kRecordBytes = 2032;

/// Records of this backend alone: lg_record_window, with a pid for the window; or what begins with one.
enum OwnRecord : u32 {
  kExecExpected = 100,   ///< NextProgram: the process is about to be another one, when this has been read
  kExecCancelled = 101,  ///< and did not
  kSpawned = 102,        ///< the process was made as another program
};

/// Where exec will look for the program. Strings are told by their addresses: whoever reads one that is not
/// there must not be harmed by it.
struct NextProgram {
  lg_record_window process;
  u64 path;       ///< address of a string; 0: the program is what `directory` is open at
  u64 search;     ///< where not 0, of the directories, with colons, in which a path without a slash is looked
                  ///< for
  s32 directory;  ///< descriptor at which a relative path begins; AT_FDCWD: the working directory
  u32 pad;
};

/// For which a writer waits at most until its record was read.
inline constexpr u64 kLongestWaitNs = 1'000'000'000;

struct RingSlot {
  u64 sequence;  ///< ticket + 1 once it is written
  u32 bytes;
  u32 writer;  ///< tid of the thread that writes it; 0 until it begins
  u8 record[kRecordBytes];
};
static_assert(sizeof(RingSlot) == 2048);
static_assert(kRingAt + u64{kRingSlots} * sizeof(RingSlot) <= kModulesAt);

// ---- the part for all ----

struct Header {
  u64 layout;    ///< kLayout
  u64 start_ns;  ///< CLOCK_MONOTONIC
  u64 beat_ns;   ///< when leakgate last said that it is there
  u64 max_live_blocks;
  u64 max_stacks;
  u32 root_pid;
  u32 canary_pid;
  u32 max_processes;
  u32 moments;  ///< 0 none, 1 at exits, 2 at the ends of tests too
  u32 unwind;   ///< 0 none, 1 frame pointers, 2 .eh_frame rows
  u32 ended;    ///< leakgate reads no more
  u32 max_threads;
  u32 ring_slots;
  u32 errors;  ///< exceptions thrown and assertions failed so far; numbers them, too
  alignas(64) u32 processes;
  alignas(64) u64 ring_next;  ///< ticket of the next record
  alignas(64) u64 ring_read;  ///< records before this one have been read
  alignas(64) u32 doorbell;   ///< a futex, changed after each record that cannot wait
  u64 lost[LG_LOSS_COUNT];
  u64 truncated[LG_TRUNCATED_COUNT];
  u64 not_mapped;     ///< processes whose address space had no room for the ledger
  u64 not_permitted;  ///< processes that may not open it: they have become another user
  u64 left_out;       ///< programs started from inside the C library with an environment that leaves us out
  u64 loaded_apart;   ///< libraries loaded with RTLD_DEEPBIND, or into another namespace
  u64 not_numbered;   ///< processes in a pid namespace of their own: leakgate knows them by other numbers
};

// ---- processes ----

inline constexpr u32 kMaxScopes = 16;

struct Scope {
  u64 object;
  u64 state;  ///< its number, 0 where none is open here, and below that what scopes.cpp says
};

struct Process {
  lg_proc figures;  ///< counters of figures are brought up to date by the reader, from the threads'
  u32 examined;     ///< a futex: 0 while leakgate looks at the modules
  u32 answered;     ///< a futex: the last judged moment that was answered
  u32 epoch;        ///< windows opened and closed so far
  u32 many;         ///< has had more than one thread
  u32 threads;      ///< slots in use so far
  u32 here;         ///< a futex: a forked child has told of itself (1), or never will (2)
  s32 exit_code;    ///< as _exit was told; -1: was not called
  u32 ready;        ///< its region can be read
  // written by all threads: in a cache line apart from what they all read
  alignas(64) s64 live_bytes;
  s64 peak_live_bytes;
  s64 live_blocks;
  s64 peak_live_blocks;
  u64 unknown_frees;
  s64 test_told_bytes;  ///< live of the open window's, as the threads have told of them; for its peak
  u64 apart[2];
  u64 hook;        ///< address of the function that detours call
  u64 site_entry;  ///< where allocation functions are led that nothing interposes, with a Site in r11
  u64 site_free;   ///< likewise, functions that free
  u64 asker[LG_REG_COUNT];  ///< registers of the thread that waits at a moment
  u32 asker_tid;
  u32 watched;   ///< a futex: leakgate will be told when the process ends
  u32 left;      ///< blocks in the ledger that are left to children (LG_LIVE_LEFT)
  u32 left_out;  ///< that found no room
  Scope scopes[kMaxScopes];
};
inline constexpr u64 kProcessStride = 1152;
static_assert(sizeof(Process) <= kProcessStride && kProcessStride % 64 == 0);
static_assert(kProcessesAt + (kMaxProcesses + 2ull) * kProcessStride <= kRingAt);

// ---- the region of a process ----

inline constexpr u64 kMappingsAt = 64 * 1024;  ///< two tables, one in use
inline constexpr u64 kPatchesAt = kMiB;
inline constexpr u64 kPatchBytes = kMiB;
inline constexpr u64 kPcCacheAt = 2 * kMiB;
inline constexpr u32 kPcEntries = 8192;
inline constexpr u64 kThreadsAt = 4 * kMiB;
inline constexpr u32 kMaxThreads = 65535;
inline constexpr u64 kFramesAt = 2 * kGiB;
inline constexpr u32 kFrameWords = 1u << 29;
inline constexpr u64 kStacksAt = 6 * kGiB;
inline constexpr u32 kMaxStacks = 1u << 24;
inline constexpr u64 kLiveAt = 8 * kGiB;
inline constexpr u64 kLiveBytes = 16 * kGiB;
inline constexpr u64 kSharesAt = 24 * kGiB;
/// A byte for each page of the live blocks' table: not 0 once a block was put there.
inline constexpr u64 kLivePagesAt = 25 * kGiB + 512 * kMiB;
inline constexpr u64 kLivePage = 4096;
/// A byte for each bucket of it, see LiveReach.
inline constexpr u64 kLiveReachAt = 25 * kGiB + 768 * kMiB;
inline constexpr u64 kKnownAt = 26 * kGiB;  ///< stacks that threads know, see known_stacks.cpp
inline constexpr u64 kKnownBytes = kMiB;    ///< of a thread
inline constexpr u64 kPathsAt = 28 * kGiB;
inline constexpr u64 kPathFiltersAt = 30 * kGiB;
inline constexpr u32 kKnowingThreads = static_cast<u32>((kPathsAt - kKnownAt) / kKnownBytes);

/// A live block, in the half of a cache line.
struct LiveEntry {
  u64 name;  ///< its address; 0: free, LG_LIVE_CLAIMED: being written
  lg_live block;
};
static_assert(sizeof(LiveEntry) == 32);
/// Where blocks stand that are looked for in a bucket first, one bit each: here, or in the n-th bucket after
/// it. Set once, and never taken back.
enum LiveReach : u8 { kReachHere = 1 };
/// Live blocks: eight to a bucket, looked for from the line on that their address tells.
struct LiveBucket {
  LiveEntry entries[LG_LIVE_SLOTS];
};
/// The table grows by tiers. The first is for the many processes that have few blocks; the second is so much
/// larger that a block is mostly found in the first bucket looked at; each further one is twice as large.
inline constexpr u32 kFirstBuckets = 2048;
inline constexpr u32 kSecondBuckets = 32768;
inline constexpr u32 kLiveTiers = 12;
/// Where the second tier begins: at a large page of the processor's.
inline constexpr u64 kSecondAt = 2 * kMiB;

constexpr u64 first_bucket(u32 tier) {
  return tier ? kSecondAt / sizeof(LiveBucket) + (u64{kSecondBuckets} << (tier - 1)) - kSecondBuckets : 0;
}
constexpr u64 buckets_in(u32 tier) {
  return tier ? u64{kSecondBuckets} << (tier - 1) : kFirstBuckets;
}
static_assert(kFirstBuckets * sizeof(LiveBucket) <= kSecondAt);
/// Buckets in a page of the table, for the blocks of a page of the heap.
inline constexpr u32 kBucketsInPage = kLivePage / sizeof(LiveBucket);
inline constexpr u32 kShiftBits = 6, kMostPartsLog2 = 4, kMostPartsLog2Bits = 7;
inline constexpr u8 kPartsDecided = 128;
/// How a tier is used: where it begins in the table, in bytes; below that, in how many parts (a power of two)
/// the arenas of the allocator are spread over it; and how far a hash of 64 bits is shifted to give a page of
/// it.
constexpr u64 live_shape(u32 tier, u32 parts_log2) {
  u32 shift = 64;
  for (u64 pages = buckets_in(tier) / kBucketsInPage; pages > 1; pages /= 2)
    --shift;
  return first_bucket(tier) * sizeof(LiveBucket) | parts_log2 << kShiftBits | shift;
}
constexpr u32 shift_in(u64 shape) {
  return shape & ((1u << kShiftBits) - 1);
}
constexpr u32 parts_log2_in(u64 shape) {
  return shape >> kShiftBits & kMostPartsLog2Bits;
}
static_assert((first_bucket(kLiveTiers - 1) + buckets_in(kLiveTiers - 1)) * sizeof(LiveBucket) <= kLiveBytes);

/// Before the frames of a stack (lg_stack.node is its place, in words of 8 bytes): outermost first, and
/// without those that it shares with a stack that was there before it.
struct FrameHead {
  u32 outer;   ///< place of the head of that stack, always a smaller one; 0: none
  u16 shared;  ///< how many of that stack's frames, from the outermost one on, come before those that follow
  u16 count;   ///< how many follow
};
static_assert(sizeof(FrameHead) == 8);
static_assert(kFramesAt + u64{kFrameWords} * 8 <= kStacksAt);

/// Where a path is looked for. An entry stands in either of two cache lines of one page, both told by the
/// path's hash, or in those of a later tier when they were full.
struct PathEntry {
  u64 hash;  ///< of all frames, and what is called last; 0: free
  u64 stack;
};
inline constexpr u32 kPathsInLine = 64 / sizeof(PathEntry);
inline constexpr u32 kPathLinesInPage = 64;
inline constexpr u32 kFirstPathPages = 4;
inline constexpr u32 kPathTiers = 6;  ///< each eight times as large as the one before

constexpr u32 path_pages(u32 tier) {
  return kFirstPathPages << 3 * tier;
}
constexpr u32 first_path_page(u32 tier) {
  return (path_pages(tier) - kFirstPathPages) / 7;
}
/// Each closes when it is about half full.
static_assert(u64{path_pages(kPathTiers - 1)} * kPathLinesInPage * kPathsInLine >= 2 * kMaxStacks);
static_assert(kPathsAt + u64{first_path_page(kPathTiers)} * kPathLinesInPage * 64 <= kPathFiltersAt);
/// A tier has a bit for each two bytes of it: where the bit for a path's hash is not set, the path is not
/// there. Bloom: Space/time trade-offs in hash coding with allowable errors, 1970; with one hash function.
inline constexpr u32 kFilterShareOfTier = 16;
static_assert(kPathFiltersAt +
                  u64{first_path_page(kPathTiers)} * kPathLinesInPage * 64 / kFilterShareOfTier <=
              kRegionBytes);

/// Two cache lines, for the stack beside may be another thread's.
struct StackSlot {
  u32 owner;  ///< number of the thread's slot, and one: it alone counts here; 0: nobody's
  u32 pad;
  lg_stack stack;
  u64 apart[2];
};
static_assert(sizeof(StackSlot) == 128);
static_assert(kStacksAt + u64{kMaxStacks} * sizeof(StackSlot) <= kLiveAt);

/// Counters of a stack, as in lg_stack, by threads that are not its owner.
struct StackShare {
  u64 frees;
  u32 lifetime_log2_ms[LG_LIFETIME_BUCKETS];
};
static_assert(kSharesAt + u64{kMaxStacks} * sizeof(StackShare) <= kLivePagesAt);
static_assert(kLivePagesAt + kLiveBytes / kLivePage <= kLiveReachAt);
static_assert(kLiveReachAt + kLiveBytes / sizeof(LiveBucket) <= kKnownAt);

struct PcEntry {
  u64 pc;
  u64 frame;
  u32 rule;
  u32 generation;
  u64 check;
};

/// What one patch does to the process's own memory.
enum PatchKind : u32 {
  kPatchEnd = 0,
  kPatchMap = 1,   ///< maps memory at `address`, `bytes` long, and copies the content there: code
  kPatchText = 2,  ///< writes the content over code
  kPatchData = 3,  ///< writes the content over data
  kPatchHook = 4,  ///< writes the address of the library's question function to `address`
};
struct Patch {
  u32 kind;
  u32 bytes;  ///< of the content that follows, padded to 8
  u64 address;
  u64 room;  ///< kPatchMap: bytes to map
};

/// A function of an allocator that is reached in other ways than through the dynamic linker.
struct Site {
  u64 real;    ///< does what the function did
  u64 cookie;  ///< LG_COOKIE
};

/// What a detour tells the library: a kind, and something of the kind's own.
inline constexpr u32 kDetourShift = 28;
enum DetourKind : u32 {
  kDetourMark = 1,        ///< number of the mark
  kDetourExit = 2,        ///< _exit
  kDetourExitCalled = 3,  ///< exit, quick_exit
  kDetourAbort = 5,       ///< abort
  kDetourLoad = 6,        ///< 0: dlopen, 1: dlmopen
  kDetourLinkMap = 4,     ///< distance from the function to r_debug.r_state, signed; 0: always consistent
};

struct Region {
  u32 live_tiers;
  u8 live_parts[kLiveTiers];  ///< as live_shape() wants them, and kPartsDecided once that is so
  u32 frame_words;            ///< in use
  u32 open_tier;              ///< the first one that paths are still added to
  u32 stacks;                 ///< in use
  u32 patches_failed;
  u32 generation;  ///< of the mapping table in use
  u32 live_pages;  ///< of the live blocks' table in which a block was put
  u64 mappings;    ///< which of the two tables is in use in bits 32 and up, its rows below
  u64 stack_end;   ///< of the main thread
};

// ---- threads ----

inline constexpr u32 kMaxPending = 4;

/// As lg_frame_state of the kernel side (bpf/maps.bpf.h).
struct FrameState {
  u64 pc;
  u64 sp;
  u64 bp;
  u64 bp_at;
  u64 frame;  ///< 0: not told
  u64 hash;   ///< of all frames from the outermost one to this
  u32 node;   ///< place of the head of a stack that begins with all frames from the outermost one to this
  u16 depth;  ///< how many these are
  u16 flags;
};

/// The last walk of a thread.
struct Walk {
  u32 depth;
  u32 generation;
  u32 function;
  u32 truncated;
  u32 stack;
  u32 owner;
  FrameState frames[LG_MAX_FRAMES];
};

struct Tally {
  u64 allocations;
  u64 bytes;
  constexpr Tally& operator+=(const Tally& other) {
    allocations += other.allocations;
    bytes += other.bytes;
    return *this;
  }
};

/// What a thread has counted since its slot was first used.
struct ThreadCounts {
  Tally inside;   ///< of tests and what is opened in them
  Tally outside;  ///< of tests
  Tally earlier;  ///< of `inside`, when the open window was
  u64 frees;
  s64 test_live_bytes;  ///< of the open window
  u32 epoch;            ///< of the process, that `earlier` and `test_live_bytes` are of
  u32 pad;

  /// Adds those of another thread. `now`: the process's epoch; counts for a window that has ended are none
  /// for this.
  constexpr void add(const ThreadCounts& other, u32 now) {
    inside += other.inside;
    outside += other.outside;
    earlier += other.epoch == now ? other.earlier : other.inside;
    frees += other.frees;
    if (other.epoch == now) test_live_bytes += other.test_live_bytes;
  }
  [[nodiscard]] constexpr Tally all() const {
    return {inside.allocations + outside.allocations, inside.bytes + outside.bytes};
  }
  [[nodiscard]] constexpr Tally test() const {
    return {inside.allocations - earlier.allocations, inside.bytes - earlier.bytes};
  }
  /// What the process's figures have of all of its threads.
  constexpr void write_to(lg_proc& figures) const {
    figures.allocations = all().allocations;
    figures.bytes = all().bytes;
    figures.frees = frees;
    figures.outside_allocations = outside.allocations;
    figures.outside_bytes = outside.bytes;
    figures.test_allocations = test().allocations;
    figures.test_bytes = test().bytes;
  }
};

/// In the place of the number of a thread that is being started.
inline constexpr u32 kStartingThread = ~0u;

struct Thread {
  u32 tid;           ///< 0: the slot is free
  u32 births;        ///< the test, or scope in it, that started the thread; 0: none, or own_scope is open
  u32 own_scope;     ///< the outermost one that the thread itself has opened, where it has births
  u32 later_births;  ///< as of when that is closed
  u32 disabled;
  u64 freeing;  ///< the block that free() was given, while the allocator frees it
  u64 moving;   ///< what a realloc under way was given; 0: there is none
  u64 moving_bytes;
  u64 given;        ///< what a call is about to give, while that is in no register; 0: nothing
  u64 given_bytes;  ///< of what was moved there; 0: nothing was
  u32 busy;         ///< calls of the library under way in this thread: a signal handler may come in between
  u32 depth;
  u32 number;  ///< of the slot
  u64 pending[kMaxPending];
  u64 stack_low;
  u64 stack_high;  ///< memory in between can be read
  u64 thread_pointer;
  u64 signal_stack;  ///< where sigaltstack() put it; 0: none
  ThreadCounts counts;
  // not yet in the process's sums
  s64 live_bytes;
  s64 live_blocks;
  s64 test_told_bytes;  ///< of counts.test_live_bytes, what they have
  // so much is told
  s64 untold_bytes;
  s64 test_untold_bytes;
  u64 known_end;         ///< of what was written to its part at kKnownAt, ever
  u32 known_epoch;       ///< stacks of earlier epochs are not known any more
  u32 known_generation;  ///< of the mapping table, in this epoch
  u32 bare_stack[16];
  u64 started_with;  ///< the routine's argument: the thread's control block has our slot instead
  Walk walks[2];     ///< the second for signal handlers that interrupt the first
};
inline constexpr u64 kThreadStride = 16384;
static_assert(sizeof(Thread) <= kThreadStride);
static_assert(kThreadsAt + kMaxThreads * kThreadStride <= kFramesAt);

/// What a thread keeps to itself before it adds to its process's sums, where there are several threads: less
/// than so many blocks, and less than so many bytes or about its share of a 64th part of the peak, by which
/// all together may make that wrong.
inline constexpr s64 kUntoldBlocks = 64;
inline constexpr s64 kUntoldBytes = 4096;
constexpr s64 untold_bytes(s64 peak, u32 threads) {
  const s64 share = peak / 64 / (threads ? threads : 1);
  return share > kUntoldBytes ? share : kUntoldBytes;
}

/// What the two halves must have in common, where one of them may be of another build (FNV-1a: Fowler, Noll,
/// Vo).
constexpr u64 layout() {
  constexpr u64 kParts[] = {sizeof(Header),    offsetof(Header, lost),
                            sizeof(Process),   offsetof(Process, examined),
                            sizeof(Thread),    offsetof(Thread, counts),
                            sizeof(Region),    sizeof(RingSlot) + sizeof(NextProgram),
                            sizeof(LiveEntry), sizeof(LiveBucket),
                            sizeof(FrameHead), sizeof(PathEntry),
                            sizeof(StackSlot), sizeof(StackShare),
                            sizeof(Patch),     sizeof(Site),
                            sizeof(lg_row),    LG_LOSS_COUNT,
                            kProcessesAt,      kRingAt,
                            kModulesAt,        kMarksAt,
                            kRowsAt,           kRegionsAt,
                            kRegionBytes,      kMappingsAt,
                            kPatchesAt,        kThreadsAt,
                            kFramesAt,         kStacksAt,
                            kLiveAt,           kSharesAt,
                            kLivePagesAt,      kLiveReachAt,
                            kKnownAt,          kPathsAt,
                            kPathFiltersAt};
  u64 hash = 0xcbf29ce484222325;
  for (const u64 part : kParts)
    hash = (hash ^ part) * 0x100000001b3;
  return hash;
}
inline constexpr u64 kLayout = layout();

}  // namespace leakgate::preload

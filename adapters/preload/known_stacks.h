// SPDX-License-Identifier: Apache-2.0
// Stacks that a thread has walked before. A walk depends on nothing but the words of the stack that it reads:
// return addresses, and the saved frame pointers that decide a step. Each thread keeps them with the stack
// they led to. Where all of them stand as they stood, from the same stack pointer on, the walk would end as
// it did, and the words need not be read one after the other, as in a walk, but all at once. See
// docs/decisions/0071.
#pragma once

#include "adapters/preload/state.h"

namespace leakgate::preload {

/// Header.unwind
enum : u32 { kNoUnwinding, kFramePointers, kEhFrame };

/// FrameState.flags
enum : u32 {
  kLoose = 1,    ///< pc or sp came from elsewhere in memory
  kUsesBp = 2,   ///< the step out of this frame reads bp
  kNeedsBp = 4,  ///< this step or one further out does, with this very value
  kExact = 8,    ///< pc is no return address
};

inline constexpr u32 kKnownSets = 1024, kKnownWays = 4;
inline constexpr u32 kMostWords = 2 * LG_MAX_FRAMES;
inline constexpr u32 kWordsAtOnce = 4;  ///< compared before it is asked whether they differ

struct Known {
  u64 sp;
  u64 bp;
  u32 stack;
  u32 epoch;
  u16 function;
  u16 words;
  u32 needs_bp;
  u64 values[kMostWords];  ///< as many as there are, to a multiple of kWordsAtOnce; behind them their places:
                           ///< u16, distance from the stack pointer in words
  u16 places[kMostWords];
};
struct KnownSet {
  u64 places[kKnownWays];  ///< known_end when it was written
  u32 tags[kKnownWays];
  u32 starts[kKnownWays];  ///< where it is in the ring
};
struct KnownPart {
  KnownSet sets[kKnownSets];
  u64 ring[(kKnownBytes - sizeof sets) / 8];
};
static_assert(sizeof(KnownPart) == kKnownBytes);
inline constexpr u64 kKnownRing = sizeof(KnownPart::ring) / 8;
inline constexpr u64 kLongestKnown = sizeof(Known) / 8;

inline KnownPart& known_part(const Thread& thread) {
  return *reinterpret_cast<KnownPart*>(g.region_bytes + kKnownAt + thread.number * kKnownBytes);
}

/// What makes all that is known void: other mappings, and other threads, since stacks have ids for each.
inline u32 known_generation() {
  return load(g.region->generation) << 1 | (many_threads() ? 1 : 0);
}

inline u64 known_tag(u64 sp, u32 function) {
  const u64 pc = *reinterpret_cast<const u64*>(sp);
  const u64 hash =
      (sp ^ static_cast<u64>(function) << 56) * 0x9e3779b97f4a7c15ull + pc * 0xbf58476d1ce4e5b9ull;
  return hash | u64{1} << 32;
}

inline KnownSet& known_set(KnownPart& part, u64 tag) {
  return part.sets[tag >> 52 & (kKnownSets - 1)];
}

inline bool is_unchanged(const Known& known, u64 sp) {
  const u64* const stack = reinterpret_cast<const u64*>(sp);
  const u64* values = known.values;
  const u16* places = reinterpret_cast<const u16*>(known.values + known.words);
  for (const u64* const end = values + known.words; values != end;
       values += kWordsAtOnce, places += kWordsAtOnce)
    if (((stack[places[0]] ^ values[0]) | (stack[places[1]] ^ values[1]) | (stack[places[2]] ^ values[2]) |
         (stack[places[3]] ^ values[3])) != 0)
      return false;
  return true;
}

/// Id of the stack of the call entered with these registers, which lie in the thread's own stack; 0: not
/// known.
[[gnu::always_inline]] inline u32 known_stack(u64 sp, u64 bp, Thread& thread, u32 function) {
  if (LG_UNLIKELY(thread.known_generation != known_generation() || thread.number >= kKnowingThreads))
    return 0;
  KnownPart& part = known_part(thread);
  const u64 tag = known_tag(sp, function);
  const KnownSet& set = known_set(part, tag);
  for (u32 way = 0; way < kKnownWays; ++way) {
    if (set.tags[way] != tag >> 32) continue;
    const auto& known = *reinterpret_cast<const Known*>(&part.ring[set.starts[way]]);
    if (thread.known_end - set.places[way] <= kKnownRing - kLongestKnown && known.sp == sp &&
        known.function == function && known.epoch == thread.known_epoch &&
        (!known.needs_bp || known.bp == bp) && is_unchanged(known, sp))
      return known.stack;
  }
  return 0;
}

/// Whether a walk from here can be told by known_stack().
inline bool may_be_known(u64 sp, const Thread& thread) {
  return g.header->unwind == kEhFrame && thread.busy == 1 && sp >= thread.stack_low && sp < thread.stack_high;
}

/// Id of the stack of the call entered with these registers: the return address is at `sp`.
[[gnu::always_inline]] inline u32 take_stack(u64 sp, u64 bp, Thread& thread, u32 function) {
  if (LG_LIKELY(may_be_known(sp, thread)))
    if (const u32 known = known_stack(sp, bp, thread, function); LG_LIKELY(known)) return known;
  return take_new_stack(sp, bp, thread, function);
}

/// Remembers the thread's last walk, which began at `sp`.
void learn_stack(u64 sp, Thread& thread, u32 function);

}  // namespace leakgate::preload

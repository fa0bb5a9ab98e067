// SPDX-License-Identifier: Apache-2.0
// See known_stacks.h.
#include "adapters/preload/known_stacks.h"

namespace leakgate::preload {
namespace {

constexpr u64 kHeadWords = offsetof(Known, values) / 8;

/// Adds a word; false: it cannot be kept, as it is none of the thread's own stack from `sp` on, which alone
/// can be read at any time.
bool keep_word(Known& known, u64 sp, u64 end, u64 at, u64 value) {
  if (at < sp || at & 7 || at >= end || end - at < 8 || (at - sp) / 8 >> 16 || known.words >= kMostWords)
    return false;
  known.places[known.words] = static_cast<u16>((at - sp) / 8);
  known.values[known.words++] = value;
  return true;
}

/// All that decided the walk, innermost frame first.
bool keep_words(Known& known, u64 sp, u64 end, const Walk& walk) {
  for (u32 i = walk.depth; i-- > 0;) {
    const FrameState& state = walk.frames[i];
    if (state.flags & (kLoose | kExact) || !keep_word(known, sp, end, state.sp - 8, state.pc)) return false;
    if (!(state.flags & kNeedsBp)) continue;
    if (state.bp_at) {
      if (!keep_word(known, sp, end, state.bp_at, state.bp)) return false;
    } else if (i + 1 == walk.depth) {
      known.needs_bp = 1;
      known.bp = state.bp;
    }
  }
  while (known.words % kWordsAtOnce)
    keep_word(known, sp, end, sp, known.values[0]);
  for (u32 i = 0; i < known.words; ++i)
    reinterpret_cast<u16*>(known.values + known.words)[i] = known.places[i];
  return true;
}

}  // namespace

void learn_stack(u64 sp, Thread& thread, u32 function) {
  const Walk& walk = thread.walks[0];
  if (thread.number >= kKnowingThreads || !walk.depth || walk.truncated != LG_TRUNCATED_NOT) return;
  if (thread.known_generation != known_generation()) {
    thread.known_generation = known_generation();
    ++thread.known_epoch;
  }
  KnownPart& part = known_part(thread);
  u64 place = thread.known_end;
  if (place % kKnownRing + kLongestKnown > kKnownRing) place += kKnownRing - place % kKnownRing;
  auto& known = *reinterpret_cast<Known*>(&part.ring[place % kKnownRing]);
  known.sp = sp;
  known.stack = walk.stack;
  known.epoch = thread.known_epoch;
  known.function = static_cast<u16>(function);
  known.words = 0;
  known.needs_bp = 0;
  thread.known_end = place;  // what stood here is gone
  if (!keep_words(known, sp, thread.stack_high, walk)) return;
  thread.known_end = place + kHeadWords + known.words + known.words / kWordsAtOnce;
  const u64 tag = known_tag(sp, function);
  KnownSet& set = known_set(part, tag);
  u32 oldest = 0;
  for (u32 way = 1; way < kKnownWays; ++way)
    if (set.places[way] < set.places[oldest]) oldest = way;
  set.tags[oldest] = static_cast<u32>(tag >> 32);
  set.starts[oldest] = static_cast<u32>(place % kKnownRing);
  set.places[oldest] = place;
}

}  // namespace leakgate::preload

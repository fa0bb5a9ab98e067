// SPDX-License-Identifier: Apache-2.0
// Walks the stack of an allocation call and gives it an id: the walk of bpf/stacks.bpf.h. Each thread keeps
// its last walk with every word of memory and every register that decided it: as soon as a new walk comes to
// a frame of the old one, with all that lies further out unchanged, the rest is taken over. See
// docs/decisions/0011.
#include "adapters/preload/known_stacks.h"
#include "adapters/preload/unwind.h"

namespace leakgate::preload {
namespace {

/// A walk under way. New frames go to the end of walk.frames, from there downwards.
struct Collect {
  explicit Collect(Walk& last) : walk(last) {}
  Step step;
  Walk& walk;
  s32 fresh = 0;    ///< frames found so far
  s32 cursor = -1;  ///< the frame of the last walk that may come next; -1: none
  s32 joined = -1;  ///< the frame of the last walk that was reached; -1: none
  u64 hash = 0;     ///< of the frames found so far
  u64 base = 1;     ///< and by what that of those further out is multiplied, to be added to it
};

bool is_unchanged(Step& step, u64 address, u64 value) {
  u64 now = 0;
  if (address & 7) return false;
  return read_word(step, address, now) && now == value;
}

/// usable_frames() where all of the last walk lies in memory that is there.
s32 usable_frames_at_hand(const Step& step, const Walk& walk) {
  const u64 sp = step.sp, low = sp - 8, room = step.high - 8 - low;
  u32 i = 0;
  for (; i < walk.depth; ++i) {
    const FrameState& state = walk.frames[i];
    if (state.sp < sp) break;
    if (LG_UNLIKELY(state.flags & kLoose) || *reinterpret_cast<const u64*>(state.sp - 8) != state.pc)
      return static_cast<s32>(i);
    if (!(state.flags & kNeedsBp) || !state.bp_at) continue;
    if (state.bp_at - low > room || *reinterpret_cast<const u64*>(state.bp_at) != state.bp)
      return static_cast<s32>(i);
  }
  return static_cast<s32>(i) - 1;
}

/// The innermost frame of the last walk at which a new one may join it; -1: none.
s32 usable_frames(Step& step, const Walk& walk) {
  if (LG_LIKELY(step.high >= walk.frames[0].sp)) return usable_frames_at_hand(step, walk);
  const u64 lowest = step.sp - 8;
  s32 last = -1;
  for (u32 i = 0; i < walk.depth; ++i) {
    const FrameState& state = walk.frames[i];
    if (state.sp < step.sp) break;
    last = static_cast<s32>(i);
    if (state.flags & kLoose || state.sp - 8 < lowest || !is_unchanged(step, state.sp - 8, state.pc)) break;
    if (state.flags & kNeedsBp && state.bp_at &&
        (state.bp_at < lowest || !is_unchanged(step, state.bp_at, state.bp)))
      break;
  }
  return last;
}

/// Whether the walk has come to a frame of the last one from which the way out is the same.
bool joins(Collect& c) {
  const FrameState* const frames = c.walk.frames;
  while (c.cursor >= 0 && frames[c.cursor].sp < c.step.sp)
    --c.cursor;
  if (c.cursor < 0) return false;
  const FrameState& state = frames[c.cursor];
  if (state.sp != c.step.sp || state.pc != c.step.pc || !(state.flags & kExact) != !c.step.exact)
    return false;
  if (state.flags & kNeedsBp && state.bp != c.step.bp) return false;
  // a walk that was cut off has its outermost frame where it ran out of room
  return c.walk.truncated == LG_TRUNCATED_NOT ||
         (c.fresh == 0 && static_cast<u32>(c.cursor) + 1 == c.walk.depth);
}

/// One frame further out; false: the walk is over.
bool walk_on(Collect& c) {
  constexpr s32 kRoom = LG_MAX_FRAMES;
  Step& step = c.step;
  if (c.cursor >= 0 && joins(c)) {
    c.joined = c.cursor;
    return false;
  }
  if (c.fresh >= kRoom) {
    step.unkept = !step.pc;
    step.truncated = step.pc ? LG_TRUNCATED_DEPTH : LG_TRUNCATED_NOT;
    if (step.pc) __atomic_fetch_add(&g.header->truncated[LG_TRUNCATED_DEPTH], 1, __ATOMIC_RELAXED);
    return false;
  }
  FrameState& state = c.walk.frames[kRoom - 1 - c.fresh];
  // frames of the last walk that stand here are gone after this
  if (c.cursor >= kRoom - 1 - c.fresh) c.cursor = kRoom - 2 - c.fresh;
  ++c.fresh;
  const u32 flags = (step.loose ? kLoose : 0u) | (step.exact ? kExact : 0u);
  state = {step.pc, step.sp, step.bp, step.bp_at, 0, 0, 0, 0, static_cast<u16>(flags)};
  if (!step.pc) return false;
  PcEntry entry;
  look_up(step, entry);
  step.uses_bp = false;
  const bool more = step_out(step, entry);
  state.frame = entry.frame;
  if (entry.frame) {
    c.hash += frame_hash(entry.frame) * c.base;
    c.base *= kPathBase;
  }
  if (step.uses_bp) state.flags |= kUsesBp;
  return more;
}

/// Moves the new frames to where they belong, outermost first, and finds the stack.
FoundStack place_frames(Collect& c, const StackEnd& end) {
  Walk& walk = c.walk;
  const u64 outer = c.joined >= 0 ? walk.frames[c.joined].hash : 0;
  prefetch_path(outer * c.base + c.hash, end);  // the rest is done while it comes
  u32 depth = 0;
  bool needs_bp = false;
  if (c.joined >= 0) {
    FrameState& state = walk.frames[c.joined];
    state.bp = c.step.bp;  // where it is not needed it may be another one
    state.bp_at = c.step.bp_at;
    state.flags = static_cast<u16>((state.flags & ~kLoose) | (c.step.loose ? kLoose : 0u));
    depth = static_cast<u32>(c.joined) + 1;
    needs_bp = state.flags & kNeedsBp && !state.bp_at;
  }
  const u32 first = depth;
  for (s32 i = c.fresh - 1; i >= 0; --i) {
    FrameState state = walk.frames[LG_MAX_FRAMES - 1 - i];
    if (state.flags & kUsesBp || needs_bp) state.flags |= kNeedsBp;
    walk.frames[depth++] = state;
    needs_bp = state.flags & kNeedsBp && !state.bp_at;
  }
  walk.depth = depth;
  return stack_of({walk.frames, first, depth}, end);
}

u32 bare_stack(Thread& thread, u32 function) {
  u32& id = thread.bare_stack[function & 15];
  const u32 owner = stack_owner(thread);
  if (!id) id = stack_of({nullptr, 0, 0}, {function, LG_TRUNCATED_NOT, owner}).id;
  return id;
}

constexpr u32 kWalkAgain = ~0u;

FoundStack walk_stack(u64 sp, u64 bp, Thread& thread, u32 function) {
  Walk& walk = thread.walks[thread.busy > 1];
  Collect c(walk);
  begin_walk(c.step, sp, bp, thread);
  if (walk.generation != c.step.generation) {
    walk.generation = c.step.generation;
    walk.depth = 0;
  }
  if (walk.depth) c.cursor = usable_frames(c.step, walk);
  while (walk_on(c)) {
  }
  if (c.joined >= 0 && !c.fresh && static_cast<u32>(c.joined) + 1 == walk.depth &&
      walk.function == function && walk.owner == stack_owner(thread)) {
    if (walk.truncated) __atomic_fetch_add(&g.header->truncated[walk.truncated], 1, __ATOMIC_RELAXED);
    return {walk.stack, false};
  }
  if (c.joined >= 0 && c.joined + 1 + c.fresh > static_cast<s32>(LG_MAX_FRAMES)) {
    // too deep to be kept whole: what is cut off must be what a walk from here would cut off
    walk.depth = 0;
    return {kWalkAgain, false};
  }
  if (c.joined < 0 || c.fresh) walk.truncated = c.joined >= 0 ? walk.truncated : c.step.truncated;
  walk.function = function;
  walk.owner = stack_owner(thread);
  const FoundStack found = place_frames(c, {function, walk.truncated, walk.owner});
  walk.stack = found.id;
  // other ends depend on more than is kept
  if (c.step.unkept || (walk.truncated != LG_TRUNCATED_NOT && walk.truncated != LG_TRUNCATED_DEPTH) ||
      !walk.stack)
    walk.depth = 0;
  return found;
}

}  // namespace

u32 take_new_stack(u64 sp, u64 bp, Thread& thread, u32 function) {
  if (!g.header->unwind) return bare_stack(thread, function);
  FoundStack found = walk_stack(sp, bp, thread, function);
  if (found.id == kWalkAgain) found = walk_stack(sp, bp, thread, function);
  // many stacks are never seen again: it is learned the second time
  if (found.id && !found.made && may_be_known(sp, thread)) learn_stack(sp, thread, function);
  return found.id;
}

}  // namespace leakgate::preload

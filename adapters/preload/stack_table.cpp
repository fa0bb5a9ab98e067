// SPDX-License-Identifier: Apache-2.0
// Distinct stacks. What is new of a stack is written in one piece, behind what was new of others; the table
// in which a path is found by its hash grows by tiers, and nothing in it ever moves. There is no lock: an
// entry is written whole by one instruction, so that a signal handler, or another thread, finds it there or
// not. Two that enter the same path at the same moment may make two stacks of it, which leakgate adds up.
#include "adapters/preload/state.h"

namespace leakgate::preload {
namespace {

FrameHead& head_at(u32 place) {
  return reinterpret_cast<FrameHead*>(g.region_bytes + kFramesAt)[place];
}
u64* frames_at(u32 place) {
  return reinterpret_cast<u64*>(g.region_bytes + kFramesAt) + place + 1;
}

/// Of the frames from the outermost one on, given that of all but the last.
u64 path_hash(u64 outer, u64 frame) {
  u64 hash = (frame ^ (outer << 29 | outer >> 35)) * 0x9e3779b97f4a7c15ull;
  hash = (hash ^ hash >> 31) * 0xbf58476d1ce4e5b9ull;
  return hash ^ hash >> 29;
}

/// What is called last: an allocation function. The first threads have stacks of their own, so that they
/// count alone; leakgate adds them up.
u64 leaf_of(const StackEnd& end) {
  constexpr u64 kOwnerShift = 16;
  return LG_FRAME_LEAF(end.function, end.truncated) | static_cast<u64>(end.owner) << kOwnerShift;
}

bool has_frames(u32 place, const NewPath& path) {
  u32 left = path.depth(), i = path.count;
  if (!place || !left) return !place && !left;
  if (head_at(place).shared + u32{head_at(place).count} != left) return false;
  while (left) {
    while (i && !path.frames[i - 1].frame)
      --i;
    if (!i) return false;
    const FrameState& last = path.frames[i - 1];
    if (i <= path.first && last.node == place && last.depth == left) return true;
    const FrameHead head = head_at(place);
    if (left > head.shared) {
      const u32 own = left - head.shared;
      if (own > head.count || frames_at(place)[own - 1] != last.frame) return false;
      --i, --left;
    } else {
      if (!head.outer || head.outer >= place) return false;
      place = head.outer;
    }
  }
  return true;
}

bool is_stack(u32 id, const NewPath& path, const StackEnd& end) {
  const lg_stack& stack = *stack_slot(id);
  return stack.function == end.function && stack.truncated == end.truncated &&
         share_slot(id)->owner == end.owner && has_frames(stack.node, path);
}

/// Place of the head of the stack, from which it has only those frames that no other has; 0: no room.
u32 add_frames(const NewPath& path) {
  FrameHead head{0, 0, 0};
  if (path.first) {
    // of the stacks that begin so, the one whose own the last of these frames is
    const FrameState& from = path.frames[path.first - 1];
    head.outer = from.node;
    head.shared = from.depth;
    while (head_at(head.outer).shared >= head.shared && head_at(head.outer).outer < head.outer)
      head.outer = head_at(head.outer).outer;
  }
  head.count = static_cast<u16>(path.depth() - head.shared);
  const u32 place = __atomic_fetch_add(&g.region->frame_words, 1u + head.count, __ATOMIC_RELAXED) + 1;
  if (place >= kFrameWords - 2 * LG_MAX_FRAMES) {
    __atomic_fetch_sub(&g.region->frame_words, 1u + head.count, __ATOMIC_RELAXED);
    return 0;
  }
  u64* to = frames_at(place);
  for (u32 i = path.first; i < path.count; ++i)
    if (path.frames[i].frame) *to++ = path.frames[i].frame;
  head_at(place) = head;
  return place;
}

u32 new_stack(const NewPath& path, const StackEnd& end) {
  const u64 limit = g.header->max_stacks ? g.header->max_stacks : kMaxStacks - 1;
  const u32 id = __atomic_add_fetch(&g.region->stacks, 1, __ATOMIC_RELAXED);
  if (id > limit) {
    __atomic_fetch_sub(&g.region->stacks, 1, __ATOMIC_RELAXED);
    return 0;
  }
  const u32 node = path.depth() ? add_frames(path) : 0;
  if (path.depth() && !node) return 0;
  lg_stack& stack = *stack_slot(id);
  stack.node = node;
  stack.function = static_cast<u16>(end.function);
  stack.truncated = static_cast<u16>(end.truncated);
  share_slot(id)->owner = end.owner;
  return id;
}

/// A lookup under way.
struct Search {
  const NewPath& path;
  const StackEnd& end;
  u64 hash;
  u32 open;  ///< tiers before this one get no more entries
};

PathEntry* line_of(u32 tier, u64 hash) {
  auto* const entries = reinterpret_cast<PathEntry*>(g.region_bytes + kPathsAt);
  return entries +
         u64{first_path_line(tier) + (static_cast<u32>(hash) & (path_lines(tier) - 1))} * kPathsInLine;
}

/// Two lines full one after the other: in the first of the tiers hardly any room is left.
void close_tier(const Search& search, u32 used) {
  u32 open = search.open;
  if (used > open + 1)
    __atomic_compare_exchange_n(&g.region->open_tier, &open, open + 1, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_RELAXED);
}

u32 find_closed(const Search& search) {
  for (u32 tier = 0; tier < search.open; ++tier) {
    const PathEntry* const line = line_of(tier, search.hash);
    for (u32 i = 0; i < kPathsInLine; ++i)
      if (load(line[i].hash) == search.hash)
        if (const u32 id = static_cast<u32>(line[i].stack); is_stack(id, search.path, search.end)) return id;
  }
  return 0;
}

u32 find_or_make(const Search& search) {
  u32 made = 0;
  for (u32 tier = search.open; tier < kPathTiers; ++tier) {
    PathEntry* const line = line_of(tier, search.hash);
    for (u32 i = 0; i < kPathsInLine; ++i) {
      PathEntry& entry = line[i];
      if (!load(entry.hash)) {
        if (!made) made = new_stack(search.path, search.end);
        if (!made) return 0;
        if (fill_two_words(&entry.hash, search.hash, made)) {
          close_tier(search, tier);
          return made;
        }
      }
      if (load(entry.hash) == search.hash)
        if (const u32 id = static_cast<u32>(entry.stack); is_stack(id, search.path, search.end)) return id;
    }
  }
  return 0;
}

}  // namespace

u32 stack_of(const NewPath& path, const StackEnd& end) {
  u64 hash = path.first ? path.frames[path.first - 1].hash : 0;
  u32 depth = path.first ? path.frames[path.first - 1].depth : 0;
  for (u32 i = path.first; i < path.count; ++i) {
    FrameState& state = path.frames[i];
    if (state.frame) hash = path_hash(hash, state.frame), ++depth;
    state.hash = hash;
    state.depth = static_cast<u16>(depth);
  }
  hash = path_hash(hash, leaf_of(end));
  const u32 open = load(g.region->open_tier);
  const Search search{path, end, hash ? hash : 1, open < kPathTiers ? open : kPathTiers - 1};
  u32 id = find_closed(search);
  if (!id) id = find_or_make(search);
  if (!id) {
    lose(LG_LOST_stack_table_full);
    return 0;
  }
  for (u32 i = path.first; i < path.count; ++i)
    path.frames[i].node = stack_slot(id)->node;
  return id;
}

}  // namespace leakgate::preload

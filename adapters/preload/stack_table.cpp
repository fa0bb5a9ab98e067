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

/// What a stack is looked for by, given its path's hash: with what is called last, an allocation function.
/// The first threads have stacks of their own, so that they count alone; leakgate adds them up.
u64 stack_hash(u64 path, const StackEnd& end) {
  constexpr u64 kOwnerShift = 16;
  const u64 leaf = LG_FRAME_LEAF(end.function, end.truncated) | static_cast<u64>(end.owner) << kOwnerShift;
  u64 hash = (leaf ^ (path << 29 | path >> 35)) * 0x9e3779b97f4a7c15ull;
  hash = (hash ^ hash >> 31) * 0xbf58476d1ce4e5b9ull;
  hash ^= hash >> 29;
  return hash ? hash : 1;
}

u32 open_tier() {
  const u32 open = load(g.region->open_tier);
  return open < kPathTiers ? open : kPathTiers - 1;
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
  // whose it is was told by the hash: with the same frames it differs where the end does
  const lg_stack& stack = stack_slot(id)->stack;
  return stack.function == end.function && stack.truncated == end.truncated && has_frames(stack.node, path);
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
  const u32 place = fetch_add(g.region->frame_words, 1u + head.count, many_threads()) + 1;
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
  const u32 id = fetch_add(g.region->stacks, 1, many_threads()) + 1;
  if (id > limit) {
    __atomic_fetch_sub(&g.region->stacks, 1, __ATOMIC_RELAXED);
    return 0;
  }
  const u32 node = path.depth() ? add_frames(path) : 0;
  if (path.depth() && !node) return 0;
  StackSlot& slot = *stack_slot(id);
  lg_stack& stack = slot.stack;
  stack.node = node;
  stack.function = static_cast<u16>(end.function);
  stack.truncated = static_cast<u16>(end.truncated);
  slot.owner = end.owner;
  return id;
}

/// A lookup under way.
struct Search {
  const NewPath& path;
  const StackEnd& end;
  u64 hash;
  u32 open;  ///< tiers before this one get no more entries
};

/// The two lines, first one by one half of the hash's low bits, then by the other.
PathEntry* line_of(u32 tier, u64 hash, u32 choice) {
  constexpr u32 kLineBits = 6, kLines = kPathLinesInPage;
  auto* const entries = reinterpret_cast<PathEntry*>(g.region_bytes + kPathsAt);
  const u32 page = first_path_page(tier) + (static_cast<u32>(hash >> 2 * kLineBits) & (path_pages(tier) - 1));
  const u32 line = static_cast<u32>(choice ? hash >> kLineBits : hash) & (kLines - 1);
  return entries + (u64{page} * kLines + line) * kPathsInLine;
}

u32 find_in_line(const PathEntry* line, const Search& search) {
  for (u32 i = 0; i < kPathsInLine; ++i)
    if (LG_UNLIKELY(load(line[i].hash) == search.hash))
      if (const u32 id = static_cast<u32>(line[i].stack); is_stack(id, search.path, search.end)) return id;
  return 0;
}

u32 find_in_tier(u32 tier, const Search& search) {
  const u32 id = find_in_line(line_of(tier, search.hash, 0), search);
  return id ? id : find_in_line(line_of(tier, search.hash, 1), search);
}

/// The byte of the tier's filter that has the path's bit.
u8& filter_byte(u32 tier, u64 hash) {
  constexpr u64 kPageBytes = u64{kPathLinesInPage} * 64 / kFilterShareOfTier;
  const u64 in_tier = hash >> 32 & (u64{path_pages(tier)} * kPageBytes - 1);
  return g.region_bytes[kPathFiltersAt + first_path_page(tier) * kPageBytes + in_tier];
}
u8 filter_bit(u64 hash) {
  return static_cast<u8>(1u << (hash >> 61));
}

/// Most paths that are looked for are new, and need not be compared with what stands in each tier.
bool may_be_in_tier(u32 tier, u64 hash) {
  return load(filter_byte(tier, hash)) & filter_bit(hash);
}
/// Another thread that writes to the byte at this moment may undo this: then the path becomes two stacks.
void tell_filter(u32 tier, u64 hash) {
  u8& byte = filter_byte(tier, hash);
  store(byte, static_cast<u8>(byte | filter_bit(hash)));
}

u32 used_in(const PathEntry* line) {
  u32 used = 0;
  for (u32 i = 0; i < kPathsInLine; ++i)
    used += load(line[i].hash) != 0;
  return used;
}

/// Enters `made` into the emptier one of the two lines, which fills a tier evenly (balanced allocations:
/// Azar, Broder, Karlin, Upfal 1994). The path's stack, which is another one where somebody was quicker; 0:
/// both are full.
u32 enter(u32 tier, const Search& search, u32 made) {
  PathEntry* const first = line_of(tier, search.hash, 0);
  PathEntry* const second = line_of(tier, search.hash, 1);
  const u32 here = used_in(first), there = used_in(second);
  PathEntry* const line = there < here ? second : first;
  for (u32 i = there < here ? there : here; i < kPathsInLine; ++i) {
    if (fill_two_words(&line[i].hash, search.hash, made, many_threads())) {
      tell_filter(tier, search.hash);
      return made;
    }
    if (load(line[i].hash) == search.hash)
      if (const u32 id = static_cast<u32>(line[i].stack); is_stack(id, search.path, search.end)) return id;
  }
  return 0;
}

/// From now on paths are added to the next tier alone.
void close_tier(u32 tier) {
  __atomic_compare_exchange_n(&g.region->open_tier, &tier, tier + 1, false, __ATOMIC_ACQ_REL,
                              __ATOMIC_RELAXED);
}

FoundStack find_or_make(const Search& search) {
  for (u32 tier = 0; tier <= search.open; ++tier)
    if (may_be_in_tier(tier, search.hash))
      if (const u32 id = find_in_tier(tier, search); id) return {id, false};
  const u32 made = new_stack(search.path, search.end);
  for (u32 tier = search.open; made && tier < kPathTiers; ++tier) {
    if (const u32 id = enter(tier, search, made); id) return {id, id == made};
    if (tier + 1 < kPathTiers) close_tier(tier);
  }
  return {0, false};
}

}  // namespace

void prefetch_path(u64 hash, const StackEnd& end) {
  const u64 wanted = stack_hash(hash, end);
  __builtin_prefetch(line_of(open_tier(), wanted, 0), 1);
  __builtin_prefetch(line_of(open_tier(), wanted, 1), 1);
}

FoundStack stack_of(const NewPath& path, const StackEnd& end) {
  u64 hash = path.first ? path.frames[path.first - 1].hash : 0;
  u32 depth = path.first ? path.frames[path.first - 1].depth : 0;
  for (u32 i = path.first; i < path.count; ++i) {
    FrameState& state = path.frames[i];
    if (state.frame) hash = hash * kPathBase + frame_hash(state.frame), ++depth;
    state.hash = hash;
    state.depth = static_cast<u16>(depth);
  }
  const Search search{path, end, stack_hash(hash, end), open_tier()};
  const FoundStack found = find_or_make(search);
  if (!found.id) {
    lose(LG_LOST_stack_table_full);
    return found;
  }
  for (u32 i = path.first; i < path.count; ++i)
    path.frames[i].node = stack_slot(found.id)->stack.node;
  return found;
}

}  // namespace leakgate::preload

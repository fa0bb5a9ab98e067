// SPDX-License-Identifier: Apache-2.0
// Live blocks: put in, take out, with the counters that go with it; what each call of the program's goes
// through is inline. No lock: a block's name is claimed by one exchange and written last. Blocks of one page
// of the heap stand close together, so that a program that works in a small part of its heap works in a small
// part of the table.
#pragma once

#include "adapters/preload/state.h"

namespace leakgate::preload {

/// A block's address in a form that is no pointer to it. What the library leaves behind below the stack
/// pointer may come to lie inside of the program's next frames, where a search for pointers would find it.
enum class Hidden : u64 {};
inline constexpr Hidden kNothing{~u64{0}};  ///< nullptr
inline Hidden hide(const void* block) {
  u64 hidden = ~static_cast<u64>(word(block));
  asm volatile("" : "+r"(hidden));
  return Hidden{hidden};
}
inline u64 shown(Hidden block) {
  u64 hidden = static_cast<u64>(block);
  asm volatile("" : "+r"(hidden));
  return ~hidden;
}

/// Where a block stands, or will stand: its address, scrambled, and the bucket it looks at first.
struct Place {
  Hidden block;
  u64 hash;
  LiveBucket* nearest;
};

inline u64 scramble(u64 value) {
  value = (value ^ value >> 32) * 0x9e3779b97f4a7c15ull;
  value = (value ^ value >> 29) * 0xbf58476d1ce4e5b9ull;
  return value ^ value >> 32;
}

/// The buckets a block may stand in: one in each of two groups of eight, and the neighbour of each.
inline LiveBucket* bucket_of(u32 tier, u64 address, u64 hash, u32 choice) {
  constexpr u64 kPartBits = 8, kParts = 16;  // of a page: sixteen buckets for its blocks
  const u64 groups = buckets_in(tier) / kParts;
  const u64 half = choice & 1 ? hash >> 32 : hash;
  const u64 part = ((address >> kPartBits ^ hash >> 60) & (kParts - 1)) ^ choice >> 1;
  const u64 bucket = (half & (groups - 1)) * kParts + part;
  return reinterpret_cast<LiveBucket*>(g.region_bytes + kLiveAt) + first_bucket(tier) + bucket;
}

/// Also brings it near.
[[gnu::always_inline]] inline Place place_of(Hidden block) {
  constexpr u64 kPageBits = 12;
  const u64 address = shown(block);
  const u64 hash = scramble(address >> kPageBits);
  LiveBucket* const nearest = bucket_of(load(g.region->live_tiers) - 1, address, hash, 0);
  __builtin_prefetch(&nearest->entries[live_slot(address, 0)], 1);
  return {block, hash, nearest};
}

[[gnu::always_inline]] inline bool exchange(u64& at, u64 expected, u64 wanted) {
  return LG_UNLIKELY(many_threads()) ? exchange_among_threads(at, expected, wanted)
                                     : exchange_alone(at, expected, wanted);
}

/// leakgate need not look for pages with blocks among those without.
inline void tell_of_page(const LiveBucket& bucket) {
  const u64 offset = static_cast<u64>(word(&bucket)) - static_cast<u64>(word(g.region_bytes + kLiveAt));
  g.region_bytes[kLivePagesAt + offset / kLivePage] = 1;
}

[[gnu::always_inline]] inline bool put_in_bucket(LiveBucket& bucket, Hidden hidden, const lg_live& block) {
  const u64 address = shown(hidden);
  for (u32 turn = 0; turn < LG_LIVE_SLOTS; ++turn) {
    LiveEntry& entry = bucket.entries[live_slot(address, turn)];
    if (LG_UNLIKELY(entry.name == address)) {  // its free was not seen
      entry.block = block;
      return true;
    }
    if (entry.name != 0 || !exchange(entry.name, 0, LG_LIVE_CLAIMED)) continue;
    entry.block = block;
    tell_of_page(bucket);
    store(entry.name, address);
    return true;
  }
  return false;
}

/// put_block() and find_block() for what the nearest bucket has no room for, or has not.
bool put_further_off(const Place& place, const lg_live& block);
LiveEntry* find_further_off(const Place& place);

/// False: no room, and that is counted.
[[gnu::always_inline]] inline bool put_block(const Place& place, const lg_live& block) {
  if (LG_LIKELY(!g.header->max_live_blocks) && put_in_bucket(*place.nearest, place.block, block)) return true;
  return put_further_off(place, block);
}

inline LiveEntry* find_in_bucket(LiveBucket& bucket, u64 address) {
  for (u32 turn = 0; turn < LG_LIVE_SLOTS; ++turn)
    if (LiveEntry& entry = bucket.entries[live_slot(address, turn)]; entry.name == address) return &entry;
  return nullptr;
}

/// Where a block stands; nullptr: it is not in the ledger.
inline LiveEntry* find_block(const Place& place) {
  LiveEntry* const near = find_in_bucket(*place.nearest, shown(place.block));
  return LG_LIKELY(near != nullptr) ? near : find_further_off(place);
}

[[gnu::always_inline]] inline bool take_block(const Place& place, lg_live& block) {
  LiveEntry* const entry = find_block(place);
  if (!entry) return false;
  block = entry->block;
  store(entry->name, u64{0});  // only who frees it may write here
  return true;
}

/// Whether the block is in the ledger already: what an allocation function calls inside may have put it
/// there.
bool has_block(Hidden block);
/// Marks a block that is not to be judged, as an adapter asks for it; false: it is not in the ledger.
bool ignore_block(u64 address);

/// Brings the counters of the window up to date with what is open.
void renew_window_counters(Thread& thread, u32 epoch);
/// Adds what the thread kept to itself to the process's sums.
void tell_live(Thread& thread);
void tell_test_live(Thread& thread);

inline void raise_to(s64& peak, s64 value) {
  if (value > peak) peak = value;  // two threads at once: the next change mends it
}

inline bool is_worth_telling(s64 value, s64 untold) {
  return value >= untold || value <= -untold;
}

/// What is live in the process, and at most was.
[[gnu::always_inline]] inline void count_live(Thread& thread, s64 blocks, s64 bytes) {
  Process& process = *g.process;
  if (!process.many) {
    add(process.live_blocks, blocks, false);
    add(process.live_bytes, bytes, false);
    raise_to(process.peak_live_blocks, process.live_blocks);
    raise_to(process.peak_live_bytes, process.live_bytes);
    return;
  }
  thread.live_blocks += blocks;
  thread.live_bytes += bytes;
  if (LG_UNLIKELY(is_worth_telling(thread.live_blocks, kUntoldBlocks) ||
                  is_worth_telling(thread.live_bytes, kUntoldBytes)))
    tell_live(thread);
}

/// Whether the block counts for what is open: the test, or what was opened inside it; without one, whatever
/// was made outside.
inline bool counts_now(const lg_proc& figures, const lg_live& block) {
  return figures.test_root ? block.test >= figures.test_root : !block.test || figures.scopes;
}

[[gnu::always_inline]] inline void count_test_live(Thread& thread, s64 bytes) {
  lg_proc& figures = g.process->figures;
  if (!g.process->many) {
    add(figures.test_live_bytes, static_cast<u64>(bytes), false);
    if (static_cast<s64>(figures.test_live_bytes) > static_cast<s64>(figures.test_peak_bytes))
      figures.test_peak_bytes = figures.test_live_bytes;
    return;
  }
  thread.test_live_bytes += bytes;
  if (LG_UNLIKELY(is_worth_telling(thread.test_live_bytes, kUntoldBytes))) tell_test_live(thread);
}

/// Whether nobody else writes to the stack's own counters.
inline bool counts_alone(const Thread& thread, u32 stack) {
  return !many_threads() || share_slot(stack)->owner == thread.number + 1;
}

/// The number of the lifetime's highest bit, plus one.
inline u32 lifetime_bucket(u32 lived_ms) {
  if (lived_ms >> 14) return LG_LIFETIME_BUCKETS - 1;
  return lived_ms ? 32 - static_cast<u32>(__builtin_clz(lived_ms)) : 0;
}

[[gnu::always_inline]] inline void count_allocation(Thread& thread, const lg_live& block) {
  const lg_proc& figures = g.process->figures;
  const bool counts = counts_now(figures, block);
  const u32 epoch = load(g.process->epoch);
  if (LG_UNLIKELY(thread.epoch != epoch)) renew_window_counters(thread, epoch);
  add<u64>(thread.allocations, 1, false);
  add<u64>(thread.bytes, block.size, false);
  if (figures.test_root && counts) {
    add<u64>(thread.test_allocations, 1, false);
    add<u64>(thread.test_bytes, block.size, false);
  } else {
    add<u64>(thread.outside_allocations, 1, false);
    add<u64>(thread.outside_bytes, block.size, false);
  }
  if (counts) count_test_live(thread, static_cast<s64>(block.size));
  count_live(thread, 1, static_cast<s64>(block.size));
  if (LG_UNLIKELY(figures.scopes)) count_in_scopes(block.test, true);
  lg_stack* const stack = stack_slot(block.stack);
  if (!stack) return;
  const bool shared = !counts_alone(thread, block.stack);
  add<u64>(stack->allocations, 1, shared);
  add<u64>(stack->bytes, block.size, shared);
  stack->errors_before = load(g.header->errors);
}

/// True where it is the first free of a block from its stack: where it came from is wanted.
[[gnu::always_inline]] inline bool count_free(Thread& thread, const lg_live& block) {
  const lg_proc& figures = g.process->figures;
  const u32 epoch = load(g.process->epoch);
  if (LG_UNLIKELY(thread.epoch != epoch)) renew_window_counters(thread, epoch);
  add<u64>(thread.frees, 1, false);
  if (counts_now(figures, block)) count_test_live(thread, -static_cast<s64>(block.size));
  count_live(thread, -1, -static_cast<s64>(block.size));
  if (LG_UNLIKELY(figures.scopes)) count_in_scopes(block.test, false);
  lg_stack* const stack = stack_slot(block.stack);
  if (!stack) return false;
  const u32 lived = lifetime_bucket(now_ms() - block.time_ms);
  if (counts_alone(thread, block.stack)) {
    add<u64>(stack->frees, 1, false);
    add<u32>(stack->lifetime_log2_ms[lived], 1, false);
  } else {
    add<u64>(share_slot(block.stack)->frees, 1, true);
    add<u32>(share_slot(block.stack)->lifetime_log2_ms[lived], 1, true);
  }
  return !stack->freed_by;
}

}  // namespace leakgate::preload

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

/// Where a block stands, or will stand: its address, and the entries that are looked at first: those of a
/// line.
struct Place {
  Hidden block;
  LiveEntry* line;
};

/// Multiplicative hashing: Knuth, TAOCP 3, 6.4. What comes from it is in the highest bits.
inline u64 hash_of(u64 value) {
  return value * 0x9e3779b97f4a7c15ull;
}

/// Arenas, and with them threads, have parts of the table of their own where they can, so that two processors
/// seldom write to one line: to get it from the other may take longer than all the rest. Two threads: the
/// heap behind the program and what is mapped high up; more: each 64 MiB, which are an arena of glibc's.
inline u64 keep_to_part(u64 hash, Hidden block, u32 parts_log2) {
  constexpr u32 kArenaBits = 26, kMappedBit = 45;
  const u64 rest = ~u64{0} >> parts_log2;
  const u64 hidden = static_cast<u64>(block);
  const u64 part = parts_log2 == 1 ? hidden << (63 - kMappedBit) : hash_of(hidden >> kArenaBits);
  return (part & ~rest) | (hash & rest);
}

/// The line that is looked at first in a bucket that a block may stand in. There are four: one in each of two
/// pages of the table, both told by the block's page of the heap, and the neighbour of each. Made of the
/// hidden address: one of which a few bits are others would be a pointer to another block.
[[gnu::always_inline]] inline LiveEntry* line_of(u64 shape, Hidden block, u32 choice) {
  constexpr u64 kInPage = kLivePage - 1, kLine = 64;
  const u64 hidden = static_cast<u64>(block);
  u64 hash = hash_of(hidden / kLivePage) << (choice & 1 ? 32 : 0);
  if (const u32 parts = parts_log2_in(shape); LG_UNLIKELY(parts)) hash = keep_to_part(hash, block, parts);
  // among the page's blocks by their places in theirs; of two pages in one, the same places are apart
  const u64 mixed =
      (hidden + (hash >> 32 & kInPage & ~(sizeof(LiveBucket) - 1))) ^ (choice >> 1) * sizeof(LiveBucket);
  const u64 page = hash >> shift_in(shape);
  return reinterpret_cast<LiveEntry*>(g.region_bytes + kLiveAt + (shape & ~kInPage) + page * kLivePage +
                                      (mixed & kInPage & ~(kLine - 1)));
}

/// Also brings it near.
[[gnu::always_inline]] inline Place place_of(Hidden block) {
  LiveEntry* const line = line_of(load(g.live_shape), block, 0);
  __builtin_prefetch(line, 1);
  return {block, line};
}

[[gnu::always_inline]] inline bool exchange(u64& at, u64 expected, u64 wanted) {
  return LG_UNLIKELY(many_threads()) ? exchange_among_threads(at, expected, wanted)
                                     : exchange_alone(at, expected, wanted);
}

/// leakgate need not look for pages with blocks among those without.
inline void tell_of_page(const LiveEntry& entry) {
  const u64 offset = static_cast<u64>(word(&entry)) - static_cast<u64>(word(g.region_bytes + kLiveAt));
  u8& told = g.region_bytes[kLivePagesAt + offset / kLivePage];
  if (LG_LIKELY(told)) return;
  told = 1;  // written once: all threads share the line
  __atomic_fetch_add(&g.region->live_pages, 1, __ATOMIC_RELAXED);
}

/// Puts the block into a free entry; false: it is none.
[[gnu::always_inline]] inline bool put_in_entry(LiveEntry& entry, u64 address, const lg_live& block) {
  if (LG_UNLIKELY(entry.name != 0 || !exchange(entry.name, 0, LG_LIVE_CLAIMED))) return false;
  entry.block = block;
  tell_of_page(entry);
  store(entry.name, address);
  return true;
}

/// In the cache line that the address tells. Which of its entries is taken is no matter of a branch: the
/// processor would guess it wrong as often as not, and that only after the line has come.
[[gnu::always_inline]] inline bool put_in_line(LiveEntry* line, u64 address, const lg_live& block) {
  const u64 first = line[0].name;
  if (LG_UNLIKELY(first == address || line[1].name == address)) return false;  // its free was not seen
  return put_in_entry(line[first != 0], address, block);
}

/// What live_shape() is of a tier that is open.
inline u64 shape_of(u32 tier) {
  return live_shape(tier, load(g.region->live_parts[tier]) & ~kPartsDecided);
}

/// put_block() and find_block() for what the nearest bucket has no room for, or has not.
bool put_further_off(const Place& place, const lg_live& block);
LiveEntry* find_further_off(const Place& place);

/// False: no room, and that is counted.
[[gnu::always_inline]] inline bool put_block(const Place& place, const lg_live& block) {
  if (LG_LIKELY(!g.header->max_live_blocks) && put_in_line(place.line, shown(place.block), block))
    return true;
  const lg_live copy = block;  // the block itself stays in registers
  return put_further_off(place, copy);
}

/// Where a block stands; nullptr: it is not in the ledger.
inline LiveEntry* find_block(const Place& place) {
  const u64 address = shown(place.block);
  LiveEntry* const near = place.line + (place.line->name != address);  // no branch: see put_in_line()
  return LG_LIKELY(near->name == address) ? near : find_further_off(place);
}

[[gnu::always_inline]] inline bool take_block(const Place& place, lg_live& block) {
  LiveEntry* const entry = find_block(place);
  if (!entry) return false;
  block = entry->block;
  store(entry->name, u64{0});  // only who frees it may write here
  return true;
}

/// A block that the process frees stays what it was in the memory of children that it has forked since.
void leave_to_heir(Hidden block, const lg_live& gone);
/// A forked process frees a block that it does not have: one that it inherited, most likely.
void note_gone(Hidden block);
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
  add(thread.live_blocks, blocks, false);
  add(thread.live_bytes, bytes, false);
  if (LG_UNLIKELY(is_worth_telling(thread.live_blocks, kUntoldBlocks) ||
                  is_worth_telling(thread.live_bytes, thread.untold_bytes)))
    tell_live(thread);
}

/// Whether the block counts for what is open: the test, or what was opened inside it; without one, whatever
/// was made outside.
inline bool counts_now(const lg_proc& figures, const lg_live& block) {
  return figures.test_root ? block.test >= figures.test_root : !block.test || figures.scopes;
}

[[gnu::always_inline]] inline void count_test_live(Thread& thread, s64 bytes) {
  add(thread.counts.test_live_bytes, bytes, false);
  const s64 live = thread.counts.test_live_bytes;
  if (!g.process->many) {
    u64& peak = g.process->figures.test_peak_bytes;
    if (live > static_cast<s64>(peak)) peak = static_cast<u64>(live);
  } else if (LG_UNLIKELY(is_worth_telling(live - thread.test_told_bytes, thread.test_untold_bytes))) {
    tell_test_live(thread);
  }
}

/// Whether nobody else writes to the stack's own counters.
inline bool counts_alone(const Thread& thread, const StackSlot& slot) {
  return !many_threads() || slot.owner == thread.number + 1;
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
  if (LG_UNLIKELY(thread.counts.epoch != epoch)) renew_window_counters(thread, epoch);
  Tally& tally = figures.test_root && counts ? thread.counts.inside : thread.counts.outside;
  add<u64>(tally.allocations, 1, false);
  add<u64>(tally.bytes, block.size, false);
  if (counts) count_test_live(thread, static_cast<s64>(block.size));
  count_live(thread, 1, static_cast<s64>(block.size));
  if (LG_UNLIKELY(figures.scopes)) count_in_scopes(block.test, true);
  StackSlot* const slot = stack_slot(block.stack);
  if (!slot) return;
  const bool shared = !counts_alone(thread, *slot);
  add<u64>(slot->stack.allocations, 1, shared);
  add<u64>(slot->stack.bytes, block.size, shared);
  slot->stack.errors_before = load(g.header->errors);
}

/// True where it is the first free of a block from its stack: where it came from is wanted.
[[gnu::always_inline]] inline bool count_free(Thread& thread, const lg_live& block) {
  const lg_proc& figures = g.process->figures;
  const u32 epoch = load(g.process->epoch);
  if (LG_UNLIKELY(thread.counts.epoch != epoch)) renew_window_counters(thread, epoch);
  add<u64>(thread.counts.frees, 1, false);
  if (counts_now(figures, block)) count_test_live(thread, -static_cast<s64>(block.size));
  count_live(thread, -1, -static_cast<s64>(block.size));
  if (LG_UNLIKELY(figures.scopes)) count_in_scopes(block.test, false);
  StackSlot* const slot = stack_slot(block.stack);
  if (!slot) return false;
  const u32 lived = lifetime_bucket(now_ms() - block.time_ms);
  if (counts_alone(thread, *slot)) {
    add<u64>(slot->stack.frees, 1, false);
    add<u32>(slot->stack.lifetime_log2_ms[lived], 1, false);
  } else {
    add<u64>(share_slot(block.stack)->frees, 1, true);
    add<u32>(share_slot(block.stack)->lifetime_log2_ms[lived], 1, true);
  }
  return !slot->stack.freed_by;
}

}  // namespace leakgate::preload

// SPDX-License-Identifier: Apache-2.0
// Live blocks: put in, take out, with the counters that go with it. No lock: a block's name is claimed by one
// exchange and written last. Blocks of one page of the heap stand close together, so that a program that
// works in a small part of its heap works in a small part of the table.
#include "adapters/preload/state.h"

namespace leakgate::preload {
namespace {

constexpr u32 kChoices = 4;
constexpr u64 kPageBits = 12;
constexpr u64 kPartBits = 9;  // of a page: eight buckets for its blocks

u64 scramble(u64 value) {
  value = (value ^ value >> 32) * 0x9e3779b97f4a7c15ull;
  value = (value ^ value >> 29) * 0xbf58476d1ce4e5b9ull;
  return value ^ value >> 32;
}

struct Place {
  u64 hash;
  u64 part;
};

Place place_of(u64 address) {
  return {scramble(address >> kPageBits), address >> kPartBits & 7};
}

/// The buckets a block may stand in: one in each of two groups of eight, and the neighbour of each.
LiveBucket* bucket_of(u32 tier, const Place& place, u32 choice) {
  const u64 groups = buckets_in(tier) / 8;
  const u64 half = choice & 1 ? place.hash >> 32 : place.hash;
  const u64 bucket = (half & (groups - 1)) * 8 + (place.part ^ choice >> 1);
  return reinterpret_cast<LiveBucket*>(g.region_bytes + kLiveAt) + first_bucket(tier) + bucket;
}

bool exchange(u64& at, u64 expected, u64 wanted) {
  return many_threads() ? exchange_among_threads(at, expected, wanted) : exchange_alone(at, expected, wanted);
}

bool put_in_bucket(LiveBucket& bucket, u64 address, const lg_live& block) {
  for (u32 slot = 0; slot < LG_LIVE_SLOTS; ++slot) {
    if (LG_UNLIKELY(bucket.names[slot] == address)) {  // its free was not seen
      bucket.blocks[slot] = block;
      return true;
    }
    if (bucket.names[slot] != 0 || !exchange(bucket.names[slot], 0, LG_LIVE_CLAIMED)) continue;
    bucket.blocks[slot] = block;
    store(bucket.names[slot], address);
    return true;
  }
  return false;
}

bool put_in_tier(u32 tier, const Place& place, u64 address, const lg_live& block) {
  for (u32 choice = 0; choice < kChoices; ++choice)
    if (put_in_bucket(*bucket_of(tier, place, choice), address, block)) return true;
  return false;
}

/// Where a block stands; nullptr: it is not in the ledger.
LiveBucket* find_block(u64 address, u32& slot) {
  const Place place = place_of(address);
  for (u32 tier = load(g.region->live_tiers); tier-- > 0;) {
    for (u32 choice = 0; choice < kChoices; ++choice) {
      LiveBucket* const bucket = bucket_of(tier, place, choice);
      for (slot = 0; slot < LG_LIVE_SLOTS; ++slot)
        if (bucket->names[slot] == address) return bucket;
    }
  }
  return nullptr;
}

void raise_to(s64& peak, s64 value) {
  if (value > peak) peak = value;  // two threads at once: the next change mends it
}

/// What is live in the process, and at most was.
void count_live(Thread& thread, s64 blocks, s64 bytes) {
  Process& process = *g.process;
  if (LG_LIKELY(!process.many)) {
    add(process.live_blocks, blocks, false);
    add(process.live_bytes, bytes, false);
    raise_to(process.peak_live_blocks, process.live_blocks);
    raise_to(process.peak_live_bytes, process.live_bytes);
    return;
  }
  thread.live_blocks += blocks;
  thread.live_bytes += bytes;
  if (thread.live_blocks < kUntoldBlocks && thread.live_blocks > -kUntoldBlocks &&
      thread.live_bytes < kUntoldBytes && thread.live_bytes > -kUntoldBytes)
    return;
  raise_to(process.peak_live_blocks,
           __atomic_add_fetch(&process.live_blocks, thread.live_blocks, __ATOMIC_RELAXED));
  raise_to(process.peak_live_bytes,
           __atomic_add_fetch(&process.live_bytes, thread.live_bytes, __ATOMIC_RELAXED));
  thread.live_blocks = 0;
  thread.live_bytes = 0;
}

/// Whether the block counts for what is open: the test, or what was opened inside it; without one, whatever
/// was made outside.
bool counts_now(const lg_proc& figures, const lg_live& block) {
  return figures.test_root ? block.test >= figures.test_root : !block.test || figures.scopes;
}

void renew_window_counters(Thread& thread) {
  const u32 epoch = load(g.process->epoch);
  if (LG_LIKELY(thread.epoch == epoch)) return;
  thread.epoch = epoch;
  thread.test_allocations = 0;
  thread.test_bytes = 0;
  thread.test_live_bytes = 0;
}

void count_test_live(Thread& thread, s64 bytes) {
  lg_proc& figures = g.process->figures;
  if (LG_LIKELY(!g.process->many)) {
    add(figures.test_live_bytes, static_cast<u64>(bytes), false);
    if (static_cast<s64>(figures.test_live_bytes) > static_cast<s64>(figures.test_peak_bytes))
      figures.test_peak_bytes = figures.test_live_bytes;
    return;
  }
  thread.test_live_bytes += bytes;
  if (thread.test_live_bytes < kUntoldBytes && thread.test_live_bytes > -kUntoldBytes) return;
  const u64 now = __atomic_add_fetch(&figures.test_live_bytes, static_cast<u64>(thread.test_live_bytes),
                                     __ATOMIC_RELAXED);
  thread.test_live_bytes = 0;
  if (static_cast<s64>(now) > static_cast<s64>(figures.test_peak_bytes)) figures.test_peak_bytes = now;
}

/// The number of the lifetime's highest bit, plus one.
u32 lifetime_bucket(u32 lived_ms) {
  if (lived_ms >> 14) return LG_LIFETIME_BUCKETS - 1;
  return lived_ms ? 32 - static_cast<u32>(__builtin_clz(lived_ms)) : 0;
}

}  // namespace

bool put_block(u64 address, const lg_live& block) {
  Region& region = *g.region;
  u32 slot = 0;
  const Place place = place_of(address);
  const u64 most = g.header->max_live_blocks;
  const bool full = most && static_cast<u64>(g.process->live_blocks) >= most;
  for (u32 tiers = load(region.live_tiers); !full;) {
    for (u32 tier = tiers; tier-- > 0;)
      if (put_in_tier(tier, place, address, block)) return true;
    // all its places are taken; one of them by itself, perhaps, where its free was not seen
    if (LiveBucket* const bucket = find_block(address, slot); bucket) {
      bucket->blocks[slot] = block;
      return true;
    }
    if (tiers >= kLiveTiers) break;
    u32 expected = tiers;
    __atomic_compare_exchange_n(&region.live_tiers, &expected, tiers + 1, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_ACQUIRE);
    tiers = load(region.live_tiers);
  }
  lose(LG_LOST_live_table_full);
  return false;
}

bool take_block(u64 address, lg_live& block) {
  u32 slot = 0;
  LiveBucket* const bucket = find_block(address, slot);
  if (!bucket) return false;
  block = bucket->blocks[slot];
  return exchange(bucket->names[slot], address, 0);
}

bool has_block(u64 address) {
  u32 slot = 0;
  return find_block(address, slot) != nullptr;
}

bool ignore_block(u64 address) {
  u32 slot = 0;
  LiveBucket* const bucket = find_block(address, slot);
  if (bucket) bucket->blocks[slot].tid |= LG_LIVE_IGNORED;
  return bucket != nullptr;
}

void count_allocation(Thread& thread, const lg_live& block) {
  const lg_proc& figures = g.process->figures;
  const bool counts = counts_now(figures, block);
  const s64 bytes = static_cast<s64>(block.size);
  renew_window_counters(thread);
  add<u64>(thread.allocations, 1, false);
  add<u64>(thread.bytes, block.size, false);
  if (figures.test_root && counts) {
    add<u64>(thread.test_allocations, 1, false);
    add<u64>(thread.test_bytes, block.size, false);
  } else {
    add<u64>(thread.outside_allocations, 1, false);
    add<u64>(thread.outside_bytes, block.size, false);
  }
  if (counts) count_test_live(thread, bytes);
  count_live(thread, 1, bytes);
  if (LG_UNLIKELY(figures.scopes)) count_in_scope(block.test, 1);
  if (lg_stack* const stack = stack_slot(block.stack); stack) {
    add<u64>(stack->allocations, 1, many_threads());
    add<u64>(stack->bytes, block.size, many_threads());
    stack->errors_before = load(g.header->errors);
  }
}

bool count_free(Thread& thread, const lg_live& block) {
  const lg_proc& figures = g.process->figures;
  renew_window_counters(thread);
  add<u64>(thread.frees, 1, false);
  if (counts_now(figures, block)) count_test_live(thread, -static_cast<s64>(block.size));
  count_live(thread, -1, -static_cast<s64>(block.size));
  if (LG_UNLIKELY(figures.scopes)) count_in_scope(block.test, -1);
  lg_stack* const stack = stack_slot(block.stack);
  if (!stack) return false;
  add<u64>(stack->frees, 1, many_threads());
  add<u32>(stack->lifetime_log2_ms[lifetime_bucket(now_ms() - block.time_ms)], 1, many_threads());
  return !stack->freed_by;
}

}  // namespace leakgate::preload

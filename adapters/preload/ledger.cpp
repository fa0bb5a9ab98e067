// SPDX-License-Identifier: Apache-2.0
// See ledger.h.
#include "adapters/preload/ledger.h"

namespace leakgate::preload {
namespace {

constexpr u32 kChoices = 4;

/// The entries of a bucket in the order in which they are looked at: from `line` on.
template <typename Find>
LiveEntry* find_entry(LiveEntry* line, Find&& is_wanted) {
  const u64 at = static_cast<u64>(word(line));
  auto* const entries = reinterpret_cast<LiveEntry*>(at & ~(sizeof(LiveBucket) - 1));
  const u64 first = at % sizeof(LiveBucket) / sizeof(LiveEntry);
  for (u64 turn = 0; turn < LG_LIVE_SLOTS; ++turn)
    if (LiveEntry& entry = entries[(first + turn) % LG_LIVE_SLOTS]; is_wanted(entry)) return &entry;
  return nullptr;
}

LiveEntry* find_in_bucket(LiveEntry* line, u64 address) {
  return find_entry(line, [&](const LiveEntry& entry) { return entry.name == address; });
}

bool put_in_tier(u32 tier, const Place& place, const lg_live& block) {
  const u64 address = shown(place.block);
  for (u32 choice = 0; choice < kChoices; ++choice)
    if (find_entry(line_of(shape_of(tier), place.block, choice),
                   [&](LiveEntry& entry) { return put_in_entry(entry, address, block); }))
      return true;
  return false;
}

/// In how many parts a new tier is used: as many as threads, or the next power of two.
u32 wanted_parts_log2() {
  const u32 threads = many_threads() ? load(g.process->threads) : 0;
  const u32 log2 = threads > 1 ? 32 - static_cast<u32>(__builtin_clz(threads - 1)) : 0;
  return log2 < kMostPartsLog2 ? log2 : kMostPartsLog2;
}

/// Opens the tier behind the first `tiers`, if nobody else did. How many there are now.
u32 open_tier(u32 tiers) {
  Region& region = *g.region;
  u8 undecided = 0;
  __atomic_compare_exchange_n(&region.live_parts[tiers], &undecided,
                              static_cast<u8>(wanted_parts_log2() | kPartsDecided), false, __ATOMIC_ACQ_REL,
                              __ATOMIC_RELAXED);
  u32 expected = tiers;
  __atomic_compare_exchange_n(&region.live_tiers, &expected, tiers + 1, false, __ATOMIC_ACQ_REL,
                              __ATOMIC_ACQUIRE);
  tiers = load(region.live_tiers);
  store(g.live_shape, shape_of(tiers - 1));
  return tiers;
}

}  // namespace

LiveEntry* find_further_off(const Place& place) {
  const u64 address = shown(place.block);
  for (u32 tier = load(g.region->live_tiers); tier-- > 0;)
    for (u32 choice = 0; choice < kChoices; ++choice)
      if (LiveEntry* const entry = find_in_bucket(line_of(shape_of(tier), place.block, choice), address);
          entry)
        return entry;
  return nullptr;
}

bool put_further_off(const Place& place, const lg_live& block) {
  Region& region = *g.region;
  const u64 most = g.header->max_live_blocks;
  const bool full = most && static_cast<u64>(g.process->live_blocks) >= most;
  const u64 address = shown(place.block);
  if (LiveEntry* const entry = find_in_bucket(place.line, address); entry && !full) {
    entry->block = block;  // its free was not seen
    return true;
  }
  for (u32 tiers = load(region.live_tiers); !full;) {
    for (u32 tier = tiers; tier-- > 0;)
      if (put_in_tier(tier, place, block)) return true;
    // all its places are taken; one of them by itself, perhaps, where its free was not seen
    if (LiveEntry* const entry = find_block(place); entry) {
      entry->block = block;
      return true;
    }
    if (tiers >= kLiveTiers) break;
    tiers = open_tier(tiers);
  }
  lose(LG_LOST_live_table_full);
  return false;
}

bool has_block(Hidden block) {
  return find_block(place_of(block)) != nullptr;
}

bool ignore_block(u64 address) {
  LiveEntry* const entry = find_block(place_of(hide(reinterpret_cast<const void*>(address))));
  if (entry) entry->block.tid |= LG_LIVE_IGNORED;
  return entry != nullptr;
}

void renew_window_counters(Thread& thread, u32 epoch) {
  thread.counts.epoch = epoch;
  thread.counts.earlier = thread.counts.inside;
  thread.counts.test_live_bytes = 0;
  thread.test_told_bytes = 0;
  thread.test_untold_bytes = 0;
}

void tell_live(Thread& thread) {
  Process& process = *g.process;
  raise_to(process.peak_live_blocks,
           __atomic_add_fetch(&process.live_blocks, thread.live_blocks, __ATOMIC_RELAXED));
  raise_to(process.peak_live_bytes,
           __atomic_add_fetch(&process.live_bytes, thread.live_bytes, __ATOMIC_RELAXED));
  thread.live_blocks = 0;
  thread.live_bytes = 0;
  thread.untold_bytes = untold_bytes(process.peak_live_bytes, process.threads);
}

void tell_test_live(Thread& thread) {
  u64& peak = g.process->figures.test_peak_bytes;
  const s64 now = __atomic_add_fetch(
      &g.process->test_told_bytes, thread.counts.test_live_bytes - thread.test_told_bytes, __ATOMIC_RELAXED);
  thread.test_told_bytes = thread.counts.test_live_bytes;
  if (now > static_cast<s64>(peak)) peak = static_cast<u64>(now);
  thread.test_untold_bytes = untold_bytes(static_cast<s64>(peak), g.process->threads);
}

}  // namespace leakgate::preload

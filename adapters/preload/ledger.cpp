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

/// What is told of the bucket that `line` lies in.
u8& reach_of(const LiveEntry* line) {
  const u64 offset = static_cast<u64>(word(line)) - static_cast<u64>(word(g.region_bytes + kLiveAt));
  return g.region_bytes[kLiveReachAt + offset / sizeof(LiveBucket)];
}

/// The line beside, in the pair that the processor fetches together: most of what a line has no room for
/// stands there.
LiveEntry* line_beside(LiveEntry* line) {
  return reinterpret_cast<LiveEntry*>(static_cast<u64>(word(line)) ^ 64);
}

/// Sets what is told of the bucket, before anybody else can be told of the block.
void tell_reach(const LiveEntry* line, u8 bit) {
  if (u8& reach = reach_of(line); !(load(reach) & bit)) __atomic_fetch_or(&reach, bit, __ATOMIC_RELEASE);
}

/// Into the line beside; false: no room there, or the block is in the ledger.
bool put_beside(const Place& place, u64 address, const lg_live& block) {
  LiveEntry* const beside = line_beside(place.line);
  __builtin_prefetch(beside, 1);
  if (place.line[0].name == address || place.line[1].name == address) return false;
  if (beside[0].name == address || beside[1].name == address) return false;
  if (!put_in_entry(beside[beside[0].name != 0], address, block)) return false;
  tell_reach(place.line, kReachHere);
  return true;
}

bool put_in_tier(u32 tier, const Place& place, const lg_live& block) {
  const u64 address = shown(place.block), shape = shape_of(tier);
  LiveEntry* const first = line_of(shape, place.block, 0);
  for (u32 choice = 0; choice < kChoices; ++choice) {
    if (!find_entry(choice ? line_of(shape, place.block, choice) : first,
                    [&](LiveEntry& entry) { return put_in_entry(entry, address, block); }))
      continue;
    tell_reach(first, static_cast<u8>(kReachHere << choice));
    return true;
  }
  return false;
}

/// Looks where put_block() and put_in_tier() may have put it.
LiveEntry* find_in_tier(u32 tier, const Place& place) {
  const u64 address = shown(place.block), shape = shape_of(tier);
  LiveEntry* const first = line_of(shape, place.block, 0);
  if (LiveEntry* const near = first + (first->name != address); near->name == address) return near;
  const u32 reach = load(reach_of(first));
  for (u32 choice = 0; reach >> choice; ++choice)
    if (reach >> choice & 1)
      if (LiveEntry* const entry = find_in_bucket(line_of(shape, place.block, choice), address); entry)
        return entry;
  return nullptr;
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

/// Puts it in under a name that no block has. Of two that had one name, the first is the one that the child
/// has: the other was made in its place after the fork.
void put_left(Hidden block, u64 process, u64 marks, const lg_live& what) {
  const u64 most = g.header->max_live_blocks;
  const bool has_room =
      load(g.process->left) < LG_MOST_LEFT && (!most || static_cast<u64>(g.process->live_blocks) < most);
  // what is not set in the hidden form is set in the name
  const Hidden name{static_cast<u64>(block) & ~(marks | process << LG_LIVE_PROC_SHIFT)};
  const Place place = place_of(name);
  if (find_block(place)) return;
  u32& count = has_room && put_block(place, what) ? g.process->left : g.process->left_out;
  __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
}

/// Whether another tier is wanted before these are full: the emptier the newest one is, the more blocks are
/// found where they are looked for first. Not while they are nearly empty, nor where they take more memory
/// than kBlockBytes for each block.
bool is_tier_worth_it(u32 tiers) {
  constexpr u64 kBlockBytes = 46, kLeastFull = 4;
  u64 buckets = 0;
  for (u32 tier = 1; tier < tiers; ++tier)
    buckets += buckets_in(tier);
  const u64 blocks = static_cast<u64>(g.process->live_blocks);
  return tiers > 1 && tiers < kLiveTiers && blocks > buckets * LG_LIVE_SLOTS / kLeastFull &&
         blocks * kBlockBytes > load(g.region->live_pages) * kLivePage;
}

}  // namespace

LiveEntry* find_further_off(const Place& place) {
  LiveEntry* const first = line_beside(place.line);
  const u64 address = shown(place.block);
  if (LiveEntry* const beside = first + (first->name != address); beside->name == address) return beside;
  for (u32 tier = load(g.region->live_tiers); tier-- > 0;)
    if (LiveEntry* const entry = find_in_tier(tier, place); entry) return entry;
  return nullptr;
}

bool put_further_off(const Place& place, const lg_live& block) {
  Region& region = *g.region;
  const u64 most = g.header->max_live_blocks;
  if (LG_LIKELY(!most) && put_beside(place, shown(place.block), block)) return true;
  const bool full = most && static_cast<u64>(g.process->live_blocks) >= most;
  const u64 address = shown(place.block);
  if (LiveEntry* const entry = find_in_bucket(place.line, address); entry && !full) {
    entry->block = block;  // its free was not seen
    return true;
  }
  u32 tiers = load(region.live_tiers);
  if (!full && is_tier_worth_it(tiers)) tiers = open_tier(tiers);
  while (!full) {
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

void leave_to_heir(Hidden block, const lg_live& gone) {
  const u64 left_before = __atomic_load_n(&g.process->figures.left_before, __ATOMIC_RELAXED);
  if (gone.time_ms < static_cast<u32>(left_before)) put_left(block, left_before >> 32, LG_LIVE_LEFT, gone);
}

void note_gone(Hidden block) {
  if (shown(block) & (LG_LIVE_GONE | ~LG_LIVE_ADDR_MASK)) return;
  const lg_live gone{0, 0, 0, 0, now_ms()};
  put_left(block, g.index, LG_LIVE_LEFT | LG_LIVE_GONE, gone);
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

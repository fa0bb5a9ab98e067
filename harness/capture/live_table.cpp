// SPDX-License-Identifier: Apache-2.0
// Tiers of buckets. A block's name is read before and after its contents, as the kernel side writes it last
// and clears it first.
#include "harness/capture/live_table.h"

#include <utility>

#include "harness/capture/live_name.h"

namespace leakgate::capture {

Result<LiveTable> LiveTable::open(int first, int tiers) {
  LiveTable table;
  auto array = MappedArray::open(first, sizeof(lg_live_bucket), LG_LIVE_FIRST_BUCKETS);
  if (!array) return std::move(array).error();
  table.tiers_.push_back(std::move(*array));
  table.outer_ = tiers;
  return table;
}

std::uint64_t LiveTable::capacity() const {
  return ((std::uint64_t{1} << tiers_.size()) - 1) * LG_LIVE_FIRST_BUCKETS * LG_LIVE_SLOTS;
}

Result<TierUpdate> LiveTable::add_tier() {
  const auto tier = static_cast<std::uint32_t>(tiers_.size());
  TierUpdate update;
  update.outer = outer_;
  update.table = "live blocks";
  if (tier >= LG_LIVE_TIERS) return update;
  auto array = MappedArray::create(
      {"lg_live", sizeof(lg_live_bucket), std::uint32_t{LG_LIVE_FIRST_BUCKETS} << tier, true});
  if (!array) return std::move(array).error().with_context("the table of live blocks cannot grow");
  update.keys = {tier};
  update.descriptors = {array->descriptor()};
  tiers_.push_back(std::move(*array));
  update.tiers = tier + 1;
  return update;
}

LiveTable::Removed LiveTable::visit(
    const std::function<bool(const lg_live_key&, const lg_live&)>& visit) const {
  return visit_names(0, visit);
}

LiveTable::Removed LiveTable::visit_left(
    const std::function<bool(const lg_live_key&, const lg_live&)>& visit) const {
  return visit_names(LG_LIVE_LEFT, visit);
}

LiveTable::Removed LiveTable::visit_names(
    std::uint64_t left, const std::function<bool(const lg_live_key&, const lg_live&)>& visit) const {
  Removed removed;
  for (const MappedArray& tier : tiers_) {
    for (lg_live_bucket& bucket : tier.values<lg_live_bucket>()) {
      for (std::size_t slot = 0; slot < LG_LIVE_SLOTS; ++slot) {
        __u64 name = __atomic_load_n(&bucket.names[slot], __ATOMIC_ACQUIRE);
        if (name == 0 || name == LG_LIVE_CLAIMED || (name & LG_LIVE_LEFT) != left) continue;
        const lg_live block = bucket.blocks[slot];
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&bucket.names[slot], __ATOMIC_RELAXED) != name) continue;
        const lg_live_key key = live_key(name);
        if (!visit(key, block)) continue;
        if (!__atomic_compare_exchange_n(&bucket.names[slot], &name, 0, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
          continue;
        ++removed.blocks;
        removed.bytes += block.size;
      }
    }
  }
  return removed;
}

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// LiveTable: the ledger's live blocks as user space sees them. In: the kernel side's maps. Out: blocks, and
// room for more of them. The layout is that of bpf/wire.h, struct lg_live_bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "bpf/wire.h"
#include "harness/base/result.h"
#include "harness/capture/mapped_array.h"
#include "harness/capture/tier_update.h"

namespace leakgate::capture {

class LiveTable {
 public:
  /// Maps the first tier; `tiers` is the outer map for the others, and stays the caller's.
  static Result<LiveTable> open(int first, int tiers);

  [[nodiscard]] std::size_t tiers() const { return tiers_.size(); }
  /// Blocks that all tiers together have slots for.
  [[nodiscard]] std::uint64_t capacity() const;
  /// Adds a tier twice as large as the newest, unless there are as many as there can be. It is visited from
  /// now on; the kernel side uses it once the update is entered.
  Result<TierUpdate> add_tier();

  struct Removed {
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;
  };
  /// Calls `visit` for every block; where it says true the block is taken out. While the target runs, blocks
  /// that come or go meanwhile may be seen or not, but never half.
  Removed visit(const std::function<bool(const lg_live_key&, const lg_live&)>& visit) const;
  /// Likewise, for what has to do with forks: see Session::visit_left_by.
  Removed visit_left(const std::function<bool(const lg_live_key&, const lg_live&)>& visit) const;

 private:
  LiveTable() = default;
  /// visit() where `left` is 0, visit_left() where it is LG_LIVE_LEFT.
  Removed visit_names(std::uint64_t left,
                      const std::function<bool(const lg_live_key&, const lg_live&)>& visit) const;
  std::vector<MappedArray> tiers_;  ///< smallest first
  int outer_ = -1;
};

}  // namespace leakgate::capture

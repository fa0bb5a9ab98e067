// SPDX-License-Identifier: Apache-2.0
// ProcessLedgers: what the processes' regions of the shared memory hold, and what is kept of those that have
// ended: figures, live blocks, stacks. In: which process images there are. Out: blocks and figures that can
// be what the library wrote, and a count of what cannot.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "harness/capture/preload/ledger_check.h"
#include "harness/capture/preload/shared_file.h"
#include "harness/capture/preload/stack_ids.h"
#include "harness/capture/session.h"

namespace leakgate::capture {

class ProcessLedgers {
 public:
  /// Image `max_processes` is the canary's.
  ProcessLedgers(std::shared_ptr<SharedFile> file, std::uint32_t max_processes, bool all_stacks);

  /// The image was told of: it counts from now on.
  void begin(std::uint32_t process);
  /// Keeps what is known of an image that has ended, and gives its memory back. False: was done, or is not.
  bool retire(std::uint32_t process);

  [[nodiscard]] lg_totals totals() const;
  /// Fails with not_found.
  [[nodiscard]] Result<lg_proc> process(std::uint32_t index) const;
  [[nodiscard]] Result<StackRow> stack(std::uint32_t id) const { return stacks_.row(id); }
  [[nodiscard]] std::uint64_t stack_count() const { return stacks_.count(); }
  /// As Session::visit_live.
  Status visit_live(const std::function<bool(const lg_live_key&, const lg_live&)>& visit);
  /// As Session::visit_live_of: reads no other process's ledger.
  Status visit_live_of(std::uint32_t process,
                       const std::function<bool(const lg_live_key&, const lg_live&)>& visit);
  /// As Session::visit_left_by, of a process that has not ended.
  void visit_left_by(std::uint32_t process,
                     const std::function<bool(const lg_live_key&, const lg_live&)>& visit);
  /// Changes to the processes' code that the library could not make.
  [[nodiscard]] std::uint64_t patches_failed() const;
  /// Images and stacks that were overwritten.
  [[nodiscard]] std::uint64_t damaged() const { return damaged_.size() + stacks_.damaged(); }

 private:
  using Block = std::pair<lg_live_key, lg_live>;
  using LiveBucket = preload::LiveBucket;

  /// Figures of a process with those that its threads keep to themselves.
  [[nodiscard]] lg_proc sum_up(std::uint32_t process) const;
  /// False: not all of its blocks could be read.
  bool visit_all(std::uint32_t process, const std::function<bool(const lg_live_key&, const lg_live&)>& visit);
  /// visit_all() by looking at all that was written; or those that were left to children.
  bool visit_region(std::uint32_t process, std::uint64_t left,
                    const std::function<bool(const lg_live_key&, const lg_live&)>& visit);
  /// A block, and where its name stands in the region.
  struct Found {
    std::uint64_t offset = 0;
    lg_live_key key;
    lg_live block;
  };
  /// The blocks of a process whose table is small, by what the library says of its pages. Nothing where that
  /// may not be all.
  std::optional<std::vector<Found>> blocks_in_view(std::uint32_t process);
  /// What blocks of the process can be at this moment.
  [[nodiscard]] LedgerBounds bounds_of(std::uint32_t process) const;
  /// Calls take(slot, key, block) for the blocks in a bucket, those that are live, or those that were left to
  /// children (LG_LIVE_LEFT); what can be none makes the process damaged.
  template <typename Take>
  void take_bucket(std::uint32_t process, std::uint64_t left, const LiveBucket& bucket, LedgerBounds& bounds,
                   Take&& take);
  void check_counts(std::uint32_t process, const lg_proc& figures, std::uint64_t blocks);
  void add_peaks(std::uint32_t process, lg_totals& totals) const;
  [[nodiscard]] bool is_used(std::uint32_t process) const;

  std::shared_ptr<SharedFile> file_;
  std::uint32_t max_processes_;
  bool all_stacks_;
  mutable StackIds stacks_;
  std::set<std::uint32_t> active_;                    ///< images that were told of, and have not ended
  std::map<std::uint32_t, std::vector<Block>> kept_;  ///< of images that have ended
  std::map<std::uint32_t, lg_proc> retired_;
  std::map<std::uint32_t, RegionView> views_;  ///< of images that have not ended
  lg_totals retired_totals_{};                 ///< peaks alone
  std::uint64_t retired_patches_failed_ = 0;
  std::set<std::uint32_t> damaged_;  ///< images whose ledger was overwritten
  bool unreadable_ = false;          ///< a process's blocks could not be read when it had ended
};

}  // namespace leakgate::capture

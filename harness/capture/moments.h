// SPDX-License-Identifier: Apache-2.0
// Judged moments: holds the process, has its blocks classified, keeps what was found until the process has
// ended. In: records of moments, in order. Out: groups of classified blocks at a process's end; before, the
// kind that each block had last.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/capture/hold/held_process.h"
#include "harness/capture/inherited_blocks.h"
#include "harness/capture/known_blocks.h"

namespace leakgate::capture {

/// Called while a process that asked is held: its question and what was found; nothing where it could not be
/// examined.
using TellAsker = std::function<void(const lg_record_moment&, const model::MomentFindings*)>;

class MomentKeeper {
 public:
  MomentKeeper(Session& session, const ModuleTable& modules, model::ClassifyHeld classify,
               TellAsker tell_asker, std::uint64_t start_ns)
      : session_(session),
        modules_(modules),
        classify_(std::move(classify)),
        tell_asker_(std::move(tell_asker)),
        start_ns_(start_ns),
        inherited_(make_family_ledger(session), start_ns) {}

  /// Forks and ends of processes, in the order of the moments; the ledger still has the blocks of what ends.
  InheritedBlocks& inherited() { return inherited_; }

  /// `frame_seen` is told of the frames of blocks that have outlived a test, or the process; once of each.
  void tell_frames_to(FrameSeen frame_seen) { frame_seen_ = std::move(frame_seen); }
  /// Handles one moment of process `pid`; the process goes on when it returns.
  void take(const lg_record_moment& moment, std::int32_t pid);
  /// Lets a process that waits at its end sleep until take(): those that end at one moment would take turns
  /// on the processors else, all of them for each one that is looked at.
  void stop_ahead(const lg_record_moment& moment);
  /// Lets go of threads that could not be let go at once.
  void release_lingering();

  /// The process was classified at its end: its blocks are in groups(), and what the ledger has of it is
  /// void.
  [[nodiscard]] bool is_settled(std::uint32_t process) const { return settled_.contains(process); }
  /// The process told of its end, and could not be looked at.
  [[nodiscard]] bool has_missed_end(std::uint32_t process) const { return missed_ends_.contains(process); }
  /// What a block of a process that was not seen at its end was last; unclassified where it was never seen.
  [[nodiscard]] model::Kind last_kind(const lg_live_key& key, const lg_live& block) const;
  [[nodiscard]] const std::vector<model::TraceOutstanding>& groups() const { return groups_; }

  /// Nanoseconds for which processes were held: in all, and by (process, window).
  [[nodiscard]] std::uint64_t held_ns() const { return held_ns_; }
  [[nodiscard]] const std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t>& held_ns_by_window()
      const {
    return held_by_window_;
  }
  /// Ends of tests, and how many of them were not looked at.
  [[nodiscard]] std::uint64_t moments() const { return moments_; }
  [[nodiscard]] std::uint64_t passed_over() const { return passed_over_; }
  /// Moments at which a process could not be held, by reason.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& failures() const { return failures_; }

 private:
  /// What is known of one process from its earlier moments.
  struct Known {
    KnownBlocks blocks;
    std::uint32_t last_window = 0;  ///< the last one whose end was looked at
  };

  /// False for the end of a test that is better not looked at: looking has taken too much of the run already.
  [[nodiscard]] bool is_affordable(const lg_record_moment& moment) const;
  Status examine(HeldProcess& held, model::MomentFindings& findings);
  Status fill_blocks(model::HeldProcess& view);
  void tell_frames(const model::HeldProcess& view);

  Session& session_;
  const ModuleTable& modules_;
  model::ClassifyHeld classify_;
  TellAsker tell_asker_;
  std::uint64_t start_ns_;
  InheritedBlocks inherited_;
  FrameSeen frame_seen_;
  std::set<std::uint32_t> told_stacks_;
  std::set<model::TraceFrame> told_frames_;
  std::map<std::uint32_t, Known> known_;  ///< by process
  std::set<std::uint32_t> settled_;
  std::set<std::uint32_t> missed_ends_;
  std::vector<model::TraceOutstanding> groups_;
  std::vector<HeldThreads> lingering_;
  std::map<std::uint32_t, HeldThreads> stopped_ahead_;  ///< by process
  std::map<std::string, std::uint64_t> failures_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> held_by_window_;
  std::uint64_t held_ns_ = 0;
  std::uint64_t moments_ = 0;
  std::uint64_t passed_over_ = 0;
};

}  // namespace leakgate::capture

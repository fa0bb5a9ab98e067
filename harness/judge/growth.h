// SPDX-License-Identifier: Apache-2.0
// Growth: what each repetition of a test adds to memory that is still reachable at the end. In: bytes by
// round. Out: a pattern, with its numbers. A leak that something still points at shows in no other way.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "harness/judge/leaks.h"

namespace leakgate::judge {

/// Fewer rounds say nothing: a first one to set things up, and three to see what goes on.
inline constexpr std::size_t kFewestRounds = 4;

using model::GrowthPattern;

/// What one site adds in one test.
struct Growth {
  GrowthPattern pattern = GrowthPattern::none;
  std::size_t rounds = 0;
  std::size_t rounds_adding = 0;
  std::uint64_t slope_bytes = 0;  ///< a round, Theil-Sen over the sums
  bool last_round = false;        ///< of a candidate: it is that of the last round that added something
  std::vector<std::uint64_t> added_bytes;  ///< of the candidate of the last round: by round

  [[nodiscard]] bool grows() const { return pattern >= GrowthPattern::linear; }
};

/// What a round left behind.
struct RoundLeft {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
};

/// Growth of a site that left `rounds` behind, in order, and `frees` of whose blocks were freed. The slope is
/// the median of the slopes between all pairs of rounds (Theil 1950, Sen 1968): single odd rounds do not move
/// it.
[[nodiscard]] Growth growth_of(std::span<const RoundLeft> rounds, std::uint64_t frees);
/// The same where each byte counts as a block, and none was freed.
[[nodiscard]] Growth growth_of(std::span<const std::uint64_t> added_bytes);

/// Which candidates growth is looked for in: those that something still points at, or all.
enum class GrowthScope { reachable, all_kinds };

/// One for each candidate, in their order: how its site grows over the runs of its test in one process. What
/// a runtime or framework keeps for itself is not looked at.
[[nodiscard]] std::vector<Growth> find_growth(const std::vector<Candidate>& candidates,
                                              const model::Recording& recording,
                                              GrowthScope scope = GrowthScope::reachable);

/// For reports: `growth` with no more points than can be drawn; null where the test ran once.
[[nodiscard]] std::shared_ptr<const model::LeakGrowth> growth_facts(const Growth& growth);

/// "added 100 bytes in each of 5 rounds": for a report.
[[nodiscard]] std::string describe(const Growth& growth);

}  // namespace leakgate::judge

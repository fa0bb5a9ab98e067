// SPDX-License-Identifier: Apache-2.0
// Rounds are the windows of one test id in one process, in their order. See growth.h.
#include "harness/judge/growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "harness/base/saturated.h"
#include "harness/base/text.h"

namespace leakgate::judge {
namespace {

constexpr std::size_t kMostPairs = 200;  // rounds that the slope is taken over; all beyond would be squared

using Rounds = std::span<const RoundLeft>;

bool adds(const RoundLeft& round) {
  return round.bytes != 0;
}

std::uint64_t sum_of(Rounds rounds, std::uint64_t RoundLeft::*what) {
  std::uint64_t sum = 0;
  for (const RoundLeft& round : rounds)
    sum = add_saturated(sum, round.*what);
  return sum;
}

/// The median slope of the sums of bytes.
std::uint64_t theil_sen(Rounds rounds) {
  const std::size_t step = std::max<std::size_t>(1, rounds.size() / kMostPairs);
  std::vector<double> sums;
  double sum = 0;
  for (const RoundLeft& round : rounds)
    sums.push_back(sum += static_cast<double>(round.bytes));
  std::vector<double> slopes;
  for (std::size_t i = 0; i < sums.size(); i += step)
    for (std::size_t k = i + step; k < sums.size(); k += step)
      slopes.push_back((sums[k] - sums[i]) / static_cast<double>(k - i));
  if (slopes.empty()) return 0;
  const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
  std::nth_element(slopes.begin(), middle, slopes.end());
  return static_cast<std::uint64_t>(*middle + 0.5);
}

/// Blocks of the first round that added any, where no later one added more; else 0. So begins what fills up.
std::uint64_t filling_start(Rounds rounds) {
  const auto first = std::find_if(rounds.begin(), rounds.end(), adds);
  const bool largest =
      std::all_of(first, rounds.end(), [&](const RoundLeft& round) { return round.blocks <= first->blocks; });
  return largest ? first->blocks : 0;
}

/// Of rounds that all added something, but for the first: the second half of them half as much as the first.
bool fades(Rounds rounds) {
  const Rounds later = rounds.subspan(1);
  const std::size_t half = later.size() / 2;
  for (const auto what : {&RoundLeft::bytes, &RoundLeft::blocks})
    if (sum_of(later.last(half), what) > sum_of(later.first(half), what) / 2) return false;
  return filling_start(rounds) != 0;
}

/// Whether twice as much and more is left of the last rounds as of the first: so it is where old blocks are
/// let go of. A leak beside such blocks shows in early rounds that all left the same.
bool weighs_to_the_end(Rounds rounds, bool steady) {
  const std::size_t half = rounds.size() / 2;
  const std::uint64_t first = sum_of(rounds.first(half), &RoundLeft::blocks);
  const std::uint64_t last = sum_of(rounds.last(half), &RoundLeft::blocks);
  if (last / 2 < first || (!steady && last / 2 == first)) return false;  // steps may fall so by themselves
  const Rounds early = rounds.first(rounds.size() - half);
  const auto [least, most] = std::minmax_element(
      early.begin(), early.end(), [](const auto& a, const auto& b) { return a.blocks < b.blocks; });
  return least->blocks == 0 || most->blocks - least->blocks > most->blocks / 4;
}

/// Of rounds that all added something, but for the first.
GrowthPattern steady_pattern(Rounds rounds) {
  bool rises = true;
  for (std::size_t i = 2; i < rounds.size(); ++i)
    rises = rises && rounds[i].bytes >= rounds[i - 1].bytes + (rounds[i - 1].bytes + 1) / 2;
  if (rises) return GrowthPattern::exponential;
  return fades(rounds) ? GrowthPattern::undecided : GrowthPattern::linear;
}

/// Of rounds some of which added nothing.
GrowthPattern broken_pattern(Rounds rounds, std::size_t adding) {
  if (adding == 1 && adds(rounds.back())) return GrowthPattern::replaced;
  const auto last = std::find_if(rounds.rbegin(), rounds.rend(), adds);
  const auto quiet = static_cast<std::size_t>(last - rounds.rbegin());
  if (quiet >= std::max<std::size_t>(2, rounds.size() / 3)) return GrowthPattern::saturating;
  // a run of adding rounds at the end alone: the last few are kept, or it began late
  const auto first = std::find_if(rounds.begin(), rounds.end(), adds);
  const bool without_gaps = std::all_of(first, rounds.end() - static_cast<std::ptrdiff_t>(quiet), adds);
  if (without_gaps || adding < 3 || 2 * last->blocks <= filling_start(rounds))
    return GrowthPattern::undecided;
  return GrowthPattern::stepped;
}

GrowthPattern pattern_of(Rounds rounds, std::size_t adding, std::uint64_t frees) {
  if (rounds.size() < kFewestRounds || adding == 0) return GrowthPattern::none;
  const Rounds later = rounds.subspan(1);
  if (std::none_of(later.begin(), later.end(), adds)) return GrowthPattern::one_time;
  const bool steady = std::all_of(later.begin(), later.end(), adds);
  const GrowthPattern pattern = steady ? steady_pattern(rounds) : broken_pattern(rounds, adding);
  const bool grows = pattern >= GrowthPattern::linear;
  return grows && frees > 0 && weighs_to_the_end(rounds, steady) ? GrowthPattern::undecided : pattern;
}

/// What is there is of the last rounds, and blocks of the site were freed: those of the rounds before.
bool comes_and_goes(const Growth& growth, Rounds rounds, std::uint64_t frees) {
  return growth.pattern == GrowthPattern::undecided && !adds(rounds.front()) && adds(rounds.back()) &&
         frees > 0;
}

}  // namespace

Growth growth_of(Rounds rounds, std::uint64_t frees) {
  Growth growth;
  growth.rounds = rounds.size();
  growth.rounds_adding = static_cast<std::size_t>(std::count_if(rounds.begin(), rounds.end(), adds));
  growth.pattern = pattern_of(rounds, growth.rounds_adding, frees);
  growth.slope_bytes = theil_sen(rounds);
  return growth;
}

Growth growth_of(std::span<const std::uint64_t> added_bytes) {
  std::vector<RoundLeft> rounds;
  for (const std::uint64_t bytes : added_bytes)
    rounds.push_back({bytes, bytes});
  return growth_of(rounds, 0);
}

std::vector<Growth> find_growth(const std::vector<Candidate>& candidates, const model::Recording& recording,
                                GrowthScope scope) {
  std::map<std::pair<std::uint32_t, std::string_view>, std::uint32_t> rounds;  // by process and test id
  std::vector<std::uint32_t> round_of(recording.tests.size());
  for (std::size_t i = 0; i < recording.tests.size(); ++i)
    if (!recording.tests[i].outside)
      round_of[i] = rounds[{recording.tests[i].process, recording.tests[i].id}]++;

  struct Series {
    std::vector<RoundLeft> rounds;
    std::vector<std::size_t> candidates;
    std::size_t last = 0;
    std::uint64_t frees = 0;  ///< of the stack that freed most
  };
  std::map<std::tuple<std::uint32_t, std::string_view, std::string_view>, Series> all;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const model::Leak& leak = candidates[i].leak;
    const model::Test& test = recording.tests[leak.test];
    const bool of_kind = scope == GrowthScope::all_kinds || leak.kind == model::Kind::still_reachable;
    if (!of_kind || !candidates[i].kept_by.empty() || test.outside) continue;
    const std::uint32_t count = rounds[{test.process, test.id}];
    if (count < kFewestRounds) continue;
    Series& series = all[{test.process, test.id, leak.fingerprint}];
    series.rounds.resize(count);
    RoundLeft& round = series.rounds[round_of[leak.test]];
    round.bytes = add_saturated(round.bytes, leak.bytes);
    round.blocks = add_saturated(round.blocks, leak.blocks);
    if (const auto* history = leak.stack.history(); history != nullptr)
      series.frees = std::max(series.frees, history->frees);
    series.candidates.push_back(i);
    if (round_of[leak.test] >= round_of[candidates[series.candidates[series.last]].leak.test])
      series.last = series.candidates.size() - 1;
  }
  std::vector<Growth> result(candidates.size());
  for (const auto& [key, series] : all) {
    for (std::size_t i = 0; i < series.candidates.size(); ++i) {
      Growth& growth = result[series.candidates[i]] = growth_of(series.rounds, series.frees);
      if (comes_and_goes(growth, series.rounds, series.frees)) growth.pattern = GrowthPattern::oscillating;
      growth.last_round = i == series.last;
      if (!growth.last_round) continue;
      for (const RoundLeft& round : series.rounds)
        growth.added_bytes.push_back(round.bytes);
    }
  }
  return result;
}

std::string describe(const Growth& growth) {
  switch (growth.pattern) {
    case GrowthPattern::one_time:
      return fmt::format("added in the first of {} rounds alone", growth.rounds);
    case GrowthPattern::saturating:
      return fmt::format("added in {} of {} rounds, and nothing at the end", growth.rounds_adding,
                         growth.rounds);
    case GrowthPattern::replaced:
      return fmt::format("of the last of {} rounds alone", growth.rounds);
    case GrowthPattern::oscillating:
      return fmt::format("of the last {} of {} rounds; what earlier ones left was freed",
                         growth.rounds_adding, growth.rounds);
    case GrowthPattern::undecided:
      return fmt::format("added in {} of {} rounds: more rounds would tell", growth.rounds_adding,
                         growth.rounds);
    case GrowthPattern::linear:
    case GrowthPattern::exponential:
    case GrowthPattern::stepped:
      return fmt::format("grows{}: {} of {} rounds added to it, {} a round (Theil-Sen)",
                         growth.pattern == GrowthPattern::exponential ? " ever faster"
                         : growth.pattern == GrowthPattern::stepped   ? " in steps"
                                                                      : "",
                         growth.rounds_adding, growth.rounds, counted(growth.slope_bytes, "byte"));
    case GrowthPattern::none:
      break;
  }
  return {};
}

}  // namespace leakgate::judge

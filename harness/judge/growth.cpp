// SPDX-License-Identifier: Apache-2.0
// Rounds are the windows of one test id in one process, in their order. See growth.h.
#include "harness/judge/growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "harness/base/text.h"

namespace leakgate::judge {
namespace {

constexpr std::size_t kMostPairs = 200;  // rounds that the slope is taken over; all beyond would be squared

/// The median slope of the sums of `added`.
std::uint64_t theil_sen(std::span<const std::uint64_t> added) {
  const std::size_t step = std::max<std::size_t>(1, added.size() / kMostPairs);
  std::vector<double> sums;
  double sum = 0;
  for (const std::uint64_t bytes : added)
    sums.push_back(sum += static_cast<double>(bytes));
  std::vector<double> slopes;
  for (std::size_t i = 0; i < sums.size(); i += step)
    for (std::size_t k = i + step; k < sums.size(); k += step)
      slopes.push_back((sums[k] - sums[i]) / static_cast<double>(k - i));
  if (slopes.empty()) return 0;
  const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
  std::nth_element(slopes.begin(), middle, slopes.end());
  return static_cast<std::uint64_t>(*middle + 0.5);
}

/// Of rounds that all added something, the first left out.
GrowthPattern steady_pattern(std::span<const std::uint64_t> later) {
  bool rises = true, falls = true;
  for (std::size_t i = 1; i < later.size(); ++i) {
    rises = rises && later[i] >= later[i - 1] + (later[i - 1] + 1) / 2;
    falls = falls && later[i] < later[i - 1];
  }
  if (rises) return GrowthPattern::exponential;
  // each round less than the one before, and little left: it may be filling up
  if (falls && later.back() < later.front() / 2) return GrowthPattern::undecided;
  return GrowthPattern::linear;
}

GrowthPattern pattern_of(std::span<const std::uint64_t> added, std::size_t adding) {
  if (added.size() < kFewestRounds || adding == 0) return GrowthPattern::none;
  const auto is_adding = [](std::uint64_t bytes) { return bytes != 0; };
  const std::span<const std::uint64_t> later = added.subspan(1);
  if (std::none_of(later.begin(), later.end(), is_adding)) return GrowthPattern::one_time;
  if (std::all_of(later.begin(), later.end(), is_adding)) return steady_pattern(later);
  if (adding == 1 && added.back() != 0) return GrowthPattern::replaced;
  const auto last = std::find_if(added.rbegin(), added.rend(), is_adding);
  const auto quiet = static_cast<std::size_t>(last - added.rbegin());
  if (quiet >= std::max<std::size_t>(2, added.size() / 3)) return GrowthPattern::saturating;
  // a run of adding rounds at the end alone: the last few are kept, or it began late
  const auto first = std::find_if(added.begin(), added.end(), is_adding);
  const bool without_gaps = std::all_of(first, added.end() - static_cast<std::ptrdiff_t>(quiet), is_adding);
  return without_gaps || adding < 3 ? GrowthPattern::undecided : GrowthPattern::stepped;
}

/// What is there is of the last rounds, and blocks of the site were freed: those of the rounds before.
bool comes_and_goes(const Growth& growth, std::span<const std::uint64_t> added, const Candidate& candidate) {
  const auto* history = candidate.leak.stack.history();
  return growth.pattern == GrowthPattern::undecided && added.front() == 0 && added.back() != 0 &&
         history != nullptr && history->frees > 0;
}

}  // namespace

Growth growth_of(std::span<const std::uint64_t> added_bytes) {
  Growth growth;
  growth.rounds = added_bytes.size();
  growth.rounds_adding = static_cast<std::size_t>(
      std::count_if(added_bytes.begin(), added_bytes.end(), [](std::uint64_t bytes) { return bytes != 0; }));
  growth.pattern = pattern_of(added_bytes, growth.rounds_adding);
  growth.slope_bytes = theil_sen(added_bytes);
  return growth;
}

std::vector<Growth> find_growth(const std::vector<Candidate>& candidates, const model::Recording& recording,
                                GrowthScope scope) {
  std::map<std::pair<std::uint32_t, std::string_view>, std::uint32_t> rounds;  // by process and test id
  std::vector<std::uint32_t> round_of(recording.tests.size());
  for (std::size_t i = 0; i < recording.tests.size(); ++i)
    if (!recording.tests[i].outside)
      round_of[i] = rounds[{recording.tests[i].process, recording.tests[i].id}]++;

  struct Series {
    std::vector<std::uint64_t> added;
    std::vector<std::size_t> candidates;
    std::size_t last = 0;
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
    series.added.resize(count);
    series.added[round_of[leak.test]] = add_saturated(series.added[round_of[leak.test]], leak.bytes);
    series.candidates.push_back(i);
    if (round_of[leak.test] >= round_of[candidates[series.candidates[series.last]].leak.test])
      series.last = series.candidates.size() - 1;
  }
  std::vector<Growth> result(candidates.size());
  for (const auto& [key, series] : all) {
    for (std::size_t i = 0; i < series.candidates.size(); ++i) {
      Growth& growth = result[series.candidates[i]] = growth_of(series.added);
      if (comes_and_goes(growth, series.added, candidates[series.candidates[i]]))
        growth.pattern = GrowthPattern::oscillating;
      growth.last_round = i == series.last;
      if (growth.last_round) growth.added_bytes = series.added;
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

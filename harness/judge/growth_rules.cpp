// SPDX-License-Identifier: Apache-2.0
// Growth and recurrence against the policy. See growth_rules.h.
#include "harness/judge/growth_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "harness/base/text.h"

namespace leakgate::judge {
namespace {

bool enough_rounds(const Growth& growth, const TestRules& rules) {
  return growth.rounds >= std::max<std::uint64_t>(kFewestRounds, rules.growth_min_rounds.value_or(0));
}

}  // namespace

GrowthScope growth_scope(const Policy& policy) {
  const bool only = policy.rules.growth_only.value_or(false) ||
                    std::any_of(policy.overrides.begin(), policy.overrides.end(),
                                [](const Override& row) { return row.rules.growth_only.value_or(false); });
  return only ? GrowthScope::all_kinds : GrowthScope::reachable;
}

bool fails_by_growth(const Growth& growth, const TestRules& rules) {
  return growth.last_round && rules.growth_fails && rules.growth_fails->count(growth.pattern) != 0 &&
         enough_rounds(growth, rules) && growth.slope_bytes >= rules.growth_min_bytes.value_or(0);
}

std::string why_passes(const Growth& growth, const model::Recurrence& recurrence, const TestRules& rules) {
  if (rules.growth_only.value_or(false) && enough_rounds(growth, rules) && !fails_by_growth(growth, rules))
    return growth.last_round ? "does not grow" + growth_words(growth, rules)
                             : "growth is judged at the last round that added to it";
  if (recurrence.flaky() && !rules.fail_flaky.value_or(true))
    return "this policy lets flaky leaks pass" + recurrence_words(recurrence);
  return {};
}

std::string growth_words(const Growth& growth, const TestRules& rules) {
  if (growth.pattern == GrowthPattern::none) return {};
  std::string words = "; " + describe(growth);
  if (!growth.grows()) return words;
  if (!enough_rounds(growth, rules))
    words += fmt::format(", and {} rounds are wanted", *rules.growth_min_rounds);
  else if (growth.slope_bytes < rules.growth_min_bytes.value_or(0))
    words += fmt::format(", less than {} a round", counted(*rules.growth_min_bytes, "byte"));
  return words;
}

std::string recurrence_words(const model::Recurrence& recurrence) {
  if (recurrence.runs < 2) return {};
  if (!recurrence.flaky()) return fmt::format("; seen in all {} runs", recurrence.runs);
  return fmt::format("; seen in {} of {} runs: flaky", recurrence.seen, recurrence.runs);
}

std::string too_few_rounds(const model::Recording& recording) {
  std::map<std::pair<std::uint32_t, std::string_view>, std::size_t> rounds;
  for (const model::Test& test : recording.tests)
    if (!test.outside && test.framework == model::Framework::gtest) ++rounds[{test.process, test.id}];
  std::size_t most = 0;
  for (const auto& [test, count] : rounds)
    most = std::max(most, count);
  if (most < 2 || most >= kFewestRounds) return {};
  return fmt::format("growth was not judged: tests ran in {} rounds, and {} are needed at least", most,
                     kFewestRounds);
}

}  // namespace leakgate::judge

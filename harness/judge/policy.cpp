// SPDX-License-Identifier: Apache-2.0
// Which rule holds for which test, and the tables behind policy.h.
#include "harness/judge/policy.h"

#include "harness/base/glob.h"

namespace leakgate::judge {
namespace {

template <typename T>
void take(std::optional<T>& into, const std::optional<T>& from) {
  if (from) into = from;
}

}  // namespace

void TestRules::apply(const TestRules& other) {
  take(failing_kinds, other.failing_kinds);
  take(min_size_bytes, other.min_size_bytes);
  take(min_age_s, other.min_age_s);
  take(min_age_tests, other.min_age_tests);
  take(min_blocks, other.min_blocks);
  take(min_tests, other.min_tests);
  take(growth_fails, other.growth_fails);
  take(growth_min_bytes, other.growth_min_bytes);
  take(growth_min_rounds, other.growth_min_rounds);
  take(growth_only, other.growth_only);
  take(fail_flaky, other.fail_flaky);
  take(min_confidence, other.min_confidence);
  take(site.bytes, other.site.bytes);
  take(site.blocks, other.site.blocks);
  take(test.bytes, other.test.bytes);
  take(test.blocks, other.test.blocks);
}

TestRules Policy::rules_for(std::string_view id) const {
  TestRules result = rules;
  for (const auto& one : overrides)
    if (any_glob_matches(one.tests, id)) result.apply(one.rules);
  if (!result.failing_kinds) result.failing_kinds = default_failing_kinds();
  if (!result.growth_fails) result.growth_fails = default_failing_growth(*result.failing_kinds);
  return result;
}

model::Severity Policy::severity(const model::Leak& leak, std::string_view id) const {
  for (auto rule = severities.rbegin(); rule != severities.rend(); ++rule)
    if ((rule->kinds.empty() || rule->kinds.count(leak.kind) != 0) && leak.bytes >= rule->min_bytes &&
        leak.blocks >= rule->min_blocks && (rule->tests.empty() || any_glob_matches(rule->tests, id)))
      return rule->severity;
  return severity_of(leak.bytes, leak.confidence);
}

const std::set<model::Kind>& default_failing_kinds() {
  static const std::set<model::Kind> kKinds = {model::Kind::definitely_lost, model::Kind::indirectly_lost,
                                               model::Kind::possibly_lost, model::Kind::unclassified};
  return kKinds;
}

std::set<model::GrowthPattern> default_failing_growth(const std::set<model::Kind>& failing_kinds) {
  if (failing_kinds != default_failing_kinds()) return {};
  return {model::GrowthPattern::linear, model::GrowthPattern::exponential, model::GrowthPattern::stepped};
}

model::Severity severity_of(std::uint64_t bytes, double confidence) {
  using model::Severity;
  const bool sure = confidence >= kConfident;
  if (bytes < 1024) return Severity::low;
  if (bytes < 64 * 1024) return sure ? Severity::medium : Severity::low;
  if (bytes < 1024 * 1024) return sure ? Severity::high : Severity::medium;
  return sure ? Severity::critical : Severity::high;
}

}  // namespace leakgate::judge

// SPDX-License-Identifier: Apache-2.0
// Which rule holds for which test, and the tables behind policy.h.
#include "harness/judge/policy.h"

#include "harness/base/glob.h"

namespace leakgate::judge {
namespace {

/// Calls `each` with every member of `a` and the same one of `b`.
template <typename Each>
void for_each_rule(TestRules& a, const TestRules& b, const Each& each) {
  each(a.failing_kinds, b.failing_kinds);
  each(a.min_size_bytes, b.min_size_bytes);
  each(a.min_age_s, b.min_age_s);
  each(a.min_age_tests, b.min_age_tests);
  each(a.min_blocks, b.min_blocks);
  each(a.min_tests, b.min_tests);
  each(a.min_confidence, b.min_confidence);
  each(a.growth_fails, b.growth_fails);
  each(a.growth_min_bytes, b.growth_min_bytes);
  each(a.growth_min_rounds, b.growth_min_rounds);
  each(a.growth_only, b.growth_only);
  each(a.fail_flaky, b.fail_flaky);
  each(a.site.bytes, b.site.bytes);
  each(a.site.blocks, b.site.blocks);
  each(a.test.bytes, b.test.bytes);
  each(a.test.blocks, b.test.blocks);
}

}  // namespace

void TestRules::apply(const TestRules& other) {
  for_each_rule(*this, other, [](auto& mine, const auto& theirs) {
    if (theirs) mine = theirs;
  });
}

void TestRules::give_way_to(const TestRules& other) {
  for_each_rule(*this, other, [](auto& mine, const auto& theirs) {
    if (theirs) mine.reset();
  });
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

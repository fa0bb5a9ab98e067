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

model::Severity Policy::severity(model::Kind kind, std::uint64_t bytes, std::uint64_t blocks,
                                 std::string_view id) const {
  for (auto rule = severities.rbegin(); rule != severities.rend(); ++rule)
    if ((rule->kinds.empty() || rule->kinds.count(kind) != 0) && bytes >= rule->min_bytes &&
        blocks >= rule->min_blocks && (rule->tests.empty() || any_glob_matches(rule->tests, id)))
      return rule->severity;
  return severity_of(bytes);
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

double confidence_of(model::Kind kind) {
  switch (kind) {
    case model::Kind::definitely_lost:
      return 0.99;
    case model::Kind::indirectly_lost:
      return 0.97;
    case model::Kind::unclassified:
      return 0.8;
    case model::Kind::possibly_lost:
      return 0.5;
    case model::Kind::still_reachable:
      break;
  }
  return 0.2;
}

model::Severity severity_of(std::uint64_t bytes) {
  if (bytes < 1024) return model::Severity::low;
  if (bytes < 64 * 1024) return model::Severity::medium;
  return bytes < 1024 * 1024 ? model::Severity::high : model::Severity::critical;
}

}  // namespace leakgate::judge

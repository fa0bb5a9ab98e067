// SPDX-License-Identifier: Apache-2.0
// See labels.h.
#include "simulator/calibrate/labels.h"

#include <algorithm>
#include <array>

#include "simulator/growth/repetition.h"
#include "simulator/scenario.h"
#include "simulator/score_match.h"

namespace leakgate::simulator {
namespace {

/// Scenarios whose leaking twin makes something once and uses it to the end. The truth has it, because it has
/// to be reported; a leak it is not.
constexpr std::array<std::string_view, 4> kInUse = {"lazy_static", "one_time_initialisation",
                                                    "thread_local_root", "xor_list"};

bool is_true(const ReportedLeak& finding, const Truth& truth) {
  return std::any_of(truth.leaks.begin(), truth.leaks.end(), [&](const TruthLeak& leak) {
    // a row of one kind is a leak if the truth has some of that kind there; kinds that look alike are one
    const bool same_side = (finding.kind == "still_reachable") == (leak.kind == "still_reachable");
    // without a stack all of one side is one finding
    const bool there = is_at_site(finding, leak) || finding.stack.empty();
    return same_side && there && (leak.child || !leak.test || finding.test == *leak.test);
  });
}

std::optional<FindingLabel> label_of_case(const ReportedLeak& finding, std::span<const GrowthCase> cases,
                                          std::string_view test) {
  const bool grows = test.starts_with("grows_");
  for (const GrowthCase& growth : cases) {
    if (test != std::string(grows ? "grows_" : "settles_") + growth.name) continue;
    const bool there = std::any_of(
        finding.stack.begin(), finding.stack.end(),
        [&](const ReportedFrame& frame) { return same_function(frame.function, growth.function); });
    return FindingLabel{growth.family, grows && there};
  }
  return std::nullopt;
}

}  // namespace

std::optional<FindingLabel> label_in_scenario(const ReportedLeak& finding, const Truth& truth,
                                              const std::string& scenario) {
  const Scenario* known = find_scenario(scenario);
  if (known == nullptr) return std::nullopt;
  const bool in_use = std::find(kInUse.begin(), kInUse.end(), scenario) != kInUse.end() ||
                      (scenario == "freed_in_global_teardown" && finding.kind == "still_reachable");
  return FindingLabel{known->family, !in_use && is_true(finding, truth)};
}

std::optional<FindingLabel> label_in_tests(const ReportedLeak& finding, const Truth& truth) {
  const std::string_view id = finding.test;
  const auto dot = id.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view suite = id.substr(0, dot);
  std::string_view name = id.substr(dot + 1);
  if (suite == "Growth") return label_of_case(finding, growth_cases(), name);
  if (suite == "LookAlike") return label_of_case(finding, look_alike_cases(), name);
  if (suite != "Scenario") return std::nullopt;
  for (const std::string_view twin : {"leaking_", "clean_"})
    if (name.starts_with(twin))
      return label_in_scenario(finding, truth, std::string(name.substr(twin.size())));
  return std::nullopt;
}

}  // namespace leakgate::simulator

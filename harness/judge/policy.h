// SPDX-License-Identifier: Apache-2.0
// The policy: what fails the gate. Filled from the command line over a file over these defaults, read by
// judge.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/judge/baseline.h"
#include "harness/judge/suppressions.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

/// How much may leak: up to and including these numbers is tolerated; without any, nothing is.
struct Limit {
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint64_t> blocks;

  [[nodiscard]] bool any() const { return bytes || blocks; }
  /// Whether so much is within the limit; never where there is none.
  [[nodiscard]] bool admits(std::uint64_t leaked_bytes, std::uint64_t leaked_blocks) const {
    return any() && (!bytes || leaked_bytes <= *bytes) && (!blocks || leaked_blocks <= *blocks);
  }
  bool operator==(const Limit&) const = default;
};

/// Globs over a leak. Functions, modules and paths are looked for in every frame of its stack; a list that is
/// empty says nothing.
struct Filter {
  std::vector<std::string> functions, modules, paths, tests;

  [[nodiscard]] bool empty() const {
    return functions.empty() && modules.empty() && paths.empty() && tests.empty();
  }
  bool operator==(const Filter&) const = default;
};

/// What may be set for some tests only.
struct TestRules {
  std::optional<std::set<model::Kind>> failing_kinds;
  std::optional<std::uint64_t> min_size_bytes;  ///< leaks of fewer bytes are below the threshold
  std::optional<double> min_age_s;  ///< leaks whose oldest block is younger are below the threshold
  std::optional<std::uint64_t> min_age_tests;  ///< likewise, by tests that came after in the process
  std::optional<std::uint64_t> min_blocks;     ///< leaks of fewer blocks are below the threshold
  std::optional<std::uint64_t> min_tests;      ///< likewise, where fewer tests have the same leak
  std::optional<double> min_confidence;        ///< leaks that are less probable are below the threshold
  std::optional<std::set<model::GrowthPattern>> growth_fails;  ///< what growth over repeated rounds fails
  std::optional<std::uint64_t> growth_min_bytes;   ///< a round; what grows by less does not fail for it
  std::optional<std::uint64_t> growth_min_rounds;  ///< growth in fewer rounds does not fail
  std::optional<bool> growth_only;  ///< in repeated tests, what does not grow is below the threshold
  std::optional<bool> fail_flaky;   ///< whether leaks that did not come in each run fail
  Limit site, test;

  /// Takes over what `other` sets.
  void apply(const TestRules& other);
  /// Takes back what `other` sets, too.
  void give_way_to(const TestRules& other);
  bool operator==(const TestRules&) const = default;
};

/// Rules for the tests that one of the globs matches.
struct Override {
  std::vector<std::string> tests;
  TestRules rules;
};

/// Leaks of these kinds, of so many bytes and blocks and more, have this severity.
struct SeverityRule {
  model::Severity severity = model::Severity::medium;
  std::set<model::Kind> kinds;  ///< empty: any
  std::uint64_t min_bytes = 0;
  std::uint64_t min_blocks = 0;
  std::vector<std::string> tests;  ///< empty: any
};

struct Policy {
  TestRules rules;                  ///< for all tests; what is not set has no effect
  std::vector<Override> overrides;  ///< the last that matches and sets something wins
  Limit run, binary;
  std::optional<std::uint64_t> memory_limit_bytes;  ///< that growth is extrapolated to
  Filter focus, exclude;
  std::vector<SeverityRule> severities;  ///< the last that matches wins over the scale by bytes
  std::vector<Suppression> suppressions;
  bool fail_unused_suppressions = false;
  bool fail_expired_suppressions = false;
  std::optional<Baseline> baseline;
  std::vector<std::string> suppression_files;  ///< as named, relative to the policy file
  std::string baseline_file;                   ///< likewise
  std::string file;                            ///< where the policy was read from; empty: nowhere

  /// The rules for the test `id`, all overrides applied, kinds and growth that fail always set.
  [[nodiscard]] TestRules rules_for(std::string_view id) const;
  /// The severity of `leak` in the test `id`.
  [[nodiscard]] model::Severity severity(const model::Leak& leak, std::string_view id) const;
};

/// Growth that fails where nothing else is said, beside these failing kinds: linear, exponential and stepped;
/// none where the kinds were named, and still_reachable is left to them.
std::set<model::GrowthPattern> default_failing_growth(const std::set<model::Kind>& failing_kinds);

/// Kinds that fail where nothing else is said: all but still_reachable.
const std::set<model::Kind>& default_failing_kinds();

/// From this confidence on the severity by bytes stands; below it is one step lower.
inline constexpr double kConfident = 0.5;

/// Severity by bytes: below 1 KiB low, below 64 KiB medium, below 1 MiB high, from there on critical; one
/// step lower for what is less probable than not.
model::Severity severity_of(std::uint64_t bytes, double confidence = 1);

}  // namespace leakgate::judge

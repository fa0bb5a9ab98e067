// SPDX-License-Identifier: Apache-2.0
// The policy: as a file, and what each rule does to leaks.
#include "harness/judge/policy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::Kind;
using model::LeakVerdict;
using ::testing::HasSubstr;

/// Leaks of 100 bytes each in three tests: List.A in make_node, List.B in make_node, Map.C in grow.
struct ThreeLeaks : test::RecordingBuilder {
  ThreeLeaks() {
    const auto main_process = process();
    const auto node = site("make_node", "/home/dev/app/src/list.cpp");
    for (const char* id : {"List.A", "List.B"})
      leak(test(main_process, id), node, 100, 2);
    leak(test(main_process, "Map.C"), site("grow", "/home/dev/app/src/map.cpp"), 100);
  }
  std::uint32_t site(const std::string& function, const std::string& file) {
    return stack(
        test::with_gtest_below({{function, file, 12}, {"TestBody", "/home/dev/app/tests/t.cpp", 20}}));
  }
  [[nodiscard]] std::vector<LeakVerdict> verdicts(const std::string& policy) const {
    const auto read = parse_policy(policy, "p");
    EXPECT_TRUE(read) << read.error().message;
    std::vector<LeakVerdict> result;
    for (const auto& leak : judge(recording, *read).leaks)
      result.push_back(leak.verdict);
    return result;
  }
};

constexpr auto kFail = LeakVerdict::fail, kAllowed = LeakVerdict::allowed,
               kBelow = LeakVerdict::below_threshold;
using Verdicts = std::vector<LeakVerdict>;

TEST(Policy, KindsThatFailByDefault) {
  for (const auto& [kind, verdict] : {std::pair{Kind::definitely_lost, kFail},
                                      {Kind::indirectly_lost, kFail},
                                      {Kind::possibly_lost, kFail},
                                      {Kind::unclassified, kFail},
                                      {Kind::still_reachable, kAllowed}}) {
    ThreeLeaks builder;
    builder.recording.blocks[2].kind = kind;
    EXPECT_EQ(builder.verdicts("{}")[2], verdict) << static_cast<int>(kind);
  }
}

TEST(Policy, LimitsOfEachScope) {
  const ThreeLeaks builder;
  EXPECT_EQ(builder.verdicts(R"({"limits": {"site": {"bytes": 100, "blocks": 1}}})"),
            (Verdicts{kFail, kFail, kAllowed}));
  EXPECT_EQ(builder.verdicts(R"({"limits": {"test": {"bytes": 99}}})"), (Verdicts{kFail, kFail, kFail}));
  EXPECT_EQ(builder.verdicts(R"({"limits": {"test": {"bytes": 100}}})"),
            (Verdicts{kAllowed, kAllowed, kAllowed}));
  EXPECT_EQ(builder.verdicts(R"({"limits": {"binary": {"bytes": 299}}})"), (Verdicts{kFail, kFail, kFail}));
  EXPECT_EQ(builder.verdicts(R"({"limits": {"binary": {"blocks": 5}}})"),
            (Verdicts{kAllowed, kAllowed, kAllowed}));
  EXPECT_EQ(builder.verdicts(R"({"limits": {"run": {"bytes": 300}}})"),
            (Verdicts{kAllowed, kAllowed, kAllowed}));
}

TEST(Policy, SizeFrequencyAndAge) {
  const ThreeLeaks builder;
  EXPECT_EQ(builder.verdicts(R"({"min_size_bytes": 101})"), (Verdicts{kBelow, kBelow, kBelow}));
  EXPECT_EQ(builder.verdicts(R"({"min_blocks": 2})"), (Verdicts{kFail, kFail, kBelow}));
  EXPECT_EQ(builder.verdicts(R"({"min_tests": 2})"), (Verdicts{kFail, kFail, kBelow}));
  EXPECT_EQ(builder.verdicts(R"({"min_age_tests": 1})"), (Verdicts{kFail, kFail, kBelow}));
  EXPECT_EQ(builder.verdicts(R"({"min_age_tests": 2})"), (Verdicts{kFail, kBelow, kBelow}));
  EXPECT_EQ(builder.verdicts(R"({"min_age_s": 0.901})"), (Verdicts{kBelow, kBelow, kBelow}));
}

TEST(Policy, WhatIsTooDoubtfulDoesNotFail) {
  ThreeLeaks builder;
  for (model::BlockGroup& group : builder.recording.blocks)
    group.kind = model::Kind::definitely_lost;
  builder.recording.blocks[0].kind = model::Kind::still_reachable;
  EXPECT_EQ(builder.verdicts(R"({"fail_kinds": ["definitely_lost", "still_reachable"]})"),
            (Verdicts{kFail, kFail, kFail}))
      << "nothing is too doubtful where nothing is said";
  EXPECT_EQ(
      builder.verdicts(R"({"fail_kinds": ["definitely_lost", "still_reachable"], "min_confidence": 0.7})"),
      (Verdicts{kBelow, kFail, kFail}));
  EXPECT_EQ(
      builder.verdicts(R"({"min_confidence": 1, "overrides": [{"tests": ["Map.*"], "min_confidence": 0}]})"),
      (Verdicts{kAllowed, kBelow, kFail}));
  const auto policy = parse_policy(R"({"min_confidence": 1})", "p");
  EXPECT_THAT(judge(builder.recording, *policy).leaks[1].reason,
              testing::ContainsRegex("^confidence 0\\.[0-9]{3} is below the minimum of 1$"));
}

TEST(Policy, FocusAndExclude) {
  const ThreeLeaks builder;
  EXPECT_EQ(builder.verdicts(R"({"focus": {"functions": ["grow"]}})"), (Verdicts{kAllowed, kAllowed, kFail}));
  EXPECT_EQ(builder.verdicts(R"({"focus": {"tests": ["List.*"]}})"), (Verdicts{kFail, kFail, kAllowed}));
  EXPECT_EQ(builder.verdicts(R"({"exclude": {"paths": ["*/src/list.cpp"]}})"),
            (Verdicts{kAllowed, kAllowed, kFail}));
  // as reports show it
  EXPECT_EQ(builder.verdicts(R"({"exclude": {"paths": ["src/list.cpp"]}})"),
            (Verdicts{kAllowed, kAllowed, kFail}));
  EXPECT_EQ(builder.verdicts(R"({"exclude": {"modules": ["unit_tests"]}})"),
            (Verdicts{kAllowed, kAllowed, kAllowed}));
}

TEST(Policy, TheLastOverrideThatMatchesWins) {
  const ThreeLeaks builder;
  EXPECT_EQ(builder.verdicts(R"({"min_size_bytes": 1000, "overrides": [
      {"tests": ["List.*"], "min_size_bytes": 0}, {"tests": ["*.B"], "min_size_bytes": 200},
      {"tests": ["*.B"], "min_blocks": 1}]})"),
            (Verdicts{kFail, kBelow, kBelow}));
  EXPECT_EQ(builder.verdicts(R"({"overrides": [{"tests": ["Map.*"], "fail_kinds": []}]})"),
            (Verdicts{kFail, kFail, kAllowed}));
}

TEST(Policy, SeverityRules) {
  const ThreeLeaks builder;
  const auto policy = parse_policy(
      R"({"severity": [{"severity": "high", "min_bytes": 100}, {"severity": "critical", "tests": ["Map.*"]},
      {"severity": "low", "min_bytes": 1000}]})",
      "p");
  ASSERT_TRUE(policy);
  const auto verdict = judge(builder.recording, *policy);
  EXPECT_EQ(verdict.leaks[0].severity, model::Severity::high);
  EXPECT_EQ(verdict.leaks[2].severity, model::Severity::critical);
}

TEST(PolicyFile, ReadsBackWhatItWrites) {
  const auto policy = parse_policy(
      R"({"schema": "leakgate-policy/1", "fail_kinds": ["possibly_lost"], "min_size_bytes": 1, "min_blocks": 2,
    "growth": {"fail": ["linear", "undecided"], "min_bytes_per_round": 5, "min_rounds": 6, "only": true}, "fail_flaky": false,
    "min_tests": 3, "min_age_s": 0.25, "min_age_tests": 4, "min_confidence": 0.75, "limits": {"run": {"bytes": 9}, "binary": {"blocks": 8}, "test": {"bytes": 7}, "site": {"bytes": 6}},
    "focus": {"functions": ["a"]}, "exclude": {"tests": ["b"], "modules": ["c"], "paths": ["d"]}, "severity": [{"severity": "low", "kinds": ["unclassified"], "min_blocks": 3}],
    "suppressions": ["x.supp"], "fail_unused_suppressions": true, "fail_expired_suppressions": true, "baseline": "b.json",
    "overrides": [{"tests": ["*"], "limits": {"site": {"blocks": 1}}}]})",
      "p");
  ASSERT_TRUE(policy) << policy.error().message;
  const std::string text = format_policy(*policy);
  const auto again = parse_policy(text, "p");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(format_policy(*again), text);
  EXPECT_EQ(again->rules.min_age_s, 0.25);
  EXPECT_EQ(again->rules.min_confidence, 0.75);
  EXPECT_EQ(again->rules.growth_fails->size(), 2u);
  EXPECT_EQ(again->rules.growth_min_bytes, 5u);
  EXPECT_EQ(again->rules.growth_min_rounds, 6u);
  EXPECT_EQ(again->rules.growth_only, true);
  EXPECT_EQ(again->rules.fail_flaky, false);
  EXPECT_EQ(again->overrides[0].rules.site.blocks, 1u);
  EXPECT_TRUE(again->fail_unused_suppressions);
}

TEST(PolicyFile, ComplaintsNameThePlaceAndWhatIsAllowed) {
  const auto error = [](std::string_view text) {
    const auto policy = parse_policy(text, "leakgate.json");
    return policy ? std::pair<std::string, std::string>("none", "")
                  : std::pair{policy.error().message, policy.error().hint};
  };
  EXPECT_EQ(error("{\n  \"min_sizes\": 4\n}").first, "leakgate.json:2:3: 'min_sizes' is not known");
  EXPECT_THAT(error("{\"min_sizes\": 4}").second, HasSubstr("min_size_bytes"));
  EXPECT_EQ(error("{\"min_age_s\": \"4\"}").first, "leakgate.json:1:15: this is no number of seconds");
  EXPECT_EQ(error("{\"min_confidence\": 1.5}").first, "leakgate.json:1:20: this is no probability");
  EXPECT_EQ(error("{\"min_blocks\": -4}").first,
            "leakgate.json:1:16: this is no whole number from 0 to 2^62");
  EXPECT_EQ(error("{\"fail_kinds\": [\"lost\"]}").first,
            "leakgate.json:1:17: this is none of the names that are known");
  EXPECT_THAT(error("{\"fail_kinds\": [\"lost\"]}").second, HasSubstr("definitely_lost"));
  EXPECT_EQ(error("[]").first, "leakgate.json:1:1: a list stands where an object is wanted");
  EXPECT_EQ(error("{\"overrides\": [{\"min_blocks\": 1}]}").first,
            "leakgate.json:1:16: the override names no tests");
  EXPECT_EQ(error("{\"overrides\": [{\"tests\": [\"*\"]}]}").first,
            "leakgate.json:1:16: the override sets nothing");
  EXPECT_EQ(error("{\"limits\": {\"site\": {\"bytes\": 9}, \"test\": {\"bytes\": 8}}}").first,
            "leakgate.json:1:31: the limit of a site in bytes is above that of the test");
  EXPECT_EQ(error("{\"focus\": {\"tests\": [\"A\"]}, \"exclude\": {\"tests\": [\"A\"]}}").first,
            "leakgate.json:1:51: tests 'A' are both in focus and excluded");
  EXPECT_EQ(error("{\"focus\": {\"modules\": [\"a\"]}, \"exclude\": {\"modules\": [\"b\", \"a\"]}}").first,
            "leakgate.json:1:60: modules 'a' are both in focus and excluded");
  EXPECT_EQ(error("{\"overrides\": [{\"tests\": [\"*\"], \"limits\": {\"site\": {\"blocks\": 9}, \"test\": "
                  "{\"blocks\": 8}}}]}")
                .first,
            "leakgate.json:1:63: the limit of a site in blocks is above that of the test");
  EXPECT_EQ(error("{\"growth\": {\"fail\": [], \"only\": true}}").first,
            "leakgate.json:1:33: nothing but growth fails, and no growth does");
  EXPECT_EQ(error("{\"growth\": {\"fail\": [\"steady\"]}}").first,
            "leakgate.json:1:22: this is none of the names that are known");
  EXPECT_EQ(error("{\"growth\": {\"min_rounds\": 3}}").first,
            "leakgate.json:1:27: fewer rounds tell nothing");
  EXPECT_THAT(error("{\"schema\": \"leakgate-policy/2\"}").first, HasSubstr("schema is not one"));
}

}  // namespace
}  // namespace leakgate::judge

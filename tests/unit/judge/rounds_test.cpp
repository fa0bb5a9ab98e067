// SPDX-License-Identifier: Apache-2.0
// Rounds of a test in one process: what rules that compare runs make of them.
#include "harness/judge/rounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "harness/judge/suppressions.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::BaselineState;
using model::LeakVerdict;
using model::SuppressionState;
using ::testing::HasSubstr;

/// List.A leaks in each round as many bytes as said, in blocks of 10.
struct InRounds : test::RecordingBuilder {
  explicit InRounds(const std::vector<std::uint64_t>& rounds) {
    const auto running = process();
    for (const std::uint64_t bytes : rounds)
      leak(test(running, "List.A"), site, bytes, bytes / 10);
  }
  std::uint32_t site = stack({{"make_node", "/home/dev/app/src/list.cpp", 12}});
  [[nodiscard]] model::Verdict verdict(const Policy& policy) const { return judge(recording, policy); }
};

Policy with_baseline(const Baseline& baseline = {}) {
  Policy policy;
  policy.baseline = baseline;
  policy.baseline->file = "b.json";
  return policy;
}

Baseline baseline_from(const InRounds& builder) {
  return updated({}, builder.verdict(with_baseline()).baseline.rows, "first");
}

TEST(Rounds, ABaselineHasWhatOneRunLeaves) {
  const InRounds once({20}), five({20, 20, 20, 20, 20});
  EXPECT_EQ(five.verdict(with_baseline(baseline_from(once))).summary.verdict, model::RunVerdict::pass);
  EXPECT_EQ(baseline_from(five).entries.begin()->second.bytes, 20u);
  EXPECT_EQ(baseline_from(five).entries.begin()->second.blocks, 2u);
  const auto grown = InRounds({30}).verdict(with_baseline(baseline_from(five)));
  ASSERT_EQ(grown.baseline.rows.size(), 1u);
  EXPECT_EQ(grown.baseline.rows[0].state, BaselineState::grown);
}

TEST(Rounds, TheLargestCounts) {
  const InRounds first_alone({50, 0, 0}), rising({10, 20, 30});
  EXPECT_EQ(baseline_from(first_alone).entries.begin()->second.bytes, 50u);
  EXPECT_EQ(baseline_from(rising).entries.begin()->second.bytes, 30u);
}

TEST(Rounds, TestsOfOneNameAndOtherPlacesAreNone) {
  InRounds builder({20});
  const auto second =
      builder.test(0, "List.A", model::Framework::catch2, "/home/dev/app/tests/list_test.cpp", 99);
  builder.leak(second, builder.site, 20, 2);
  EXPECT_EQ(baseline_from(builder).entries.begin()->second.bytes, 40u);
  EXPECT_EQ(builder.verdict(with_baseline(baseline_from(InRounds({20})))).summary.verdict,
            model::RunVerdict::fail);
}

TEST(Rounds, ProcessesAreSummedUp) {
  InRounds builder({20, 20});
  const auto other = builder.process();
  builder.leak(builder.test(other, "List.A"), builder.site, 10);
  EXPECT_EQ(baseline_from(builder).entries.begin()->second.bytes, 30u);
}

TEST(Rounds, OutsideTestsEvenlySharedBlocksAreOfEachRound) {
  const auto bytes = [](std::uint64_t blocks) {
    InRounds builder({0, 0, 0});
    builder.leak(builder.outside(0), builder.site, blocks * 8, blocks);
    return baseline_from(builder).entries.begin()->second.bytes;
  };
  EXPECT_EQ(bytes(6), 16u);
  EXPECT_EQ(bytes(1), 8u) << "it came once";
}

TEST(Rounds, SuppressionsAllowSoMuchInOneRun) {
  Policy policy;
  policy.suppressions = *parse_suppressions("suppress: function=make_node max-bytes=20 max-blocks=2\n", "s");
  const auto within = InRounds({20, 20, 20}).verdict(policy);
  EXPECT_EQ(within.suppressions[0].state, SuppressionState::used);
  EXPECT_EQ(within.suppressions[0].leaks, 3u);
  EXPECT_EQ(within.suppressions[0].bytes, 20u);
  EXPECT_EQ(InRounds({20, 30, 20}).verdict(policy).suppressions[0].state, SuppressionState::exceeded);
}

TEST(Rounds, LimitsOfTheRunAndOfABinaryAllowSoMuchInOneRun) {
  for (Limit Policy::*limit : {&Policy::run, &Policy::binary}) {
    Policy policy;
    (policy.*limit).bytes = 20;
    const auto within = InRounds({20, 20, 20}).verdict(policy);
    EXPECT_EQ(within.summary.verdict, model::RunVerdict::pass);
    EXPECT_THAT(within.leaks.at(0).reason, HasSubstr("20 of at most 20 bytes"));
    const auto over = InRounds({20, 30, 20}).verdict(policy);
    EXPECT_EQ(over.summary.verdict, model::RunVerdict::fail);
    EXPECT_THAT(over.limits_exceeded, testing::ElementsAre(HasSubstr("30 of at most 20 bytes")));
  }
}

TEST(Rounds, WrittenSuppressionsAllowWhatOneRunLeaves) {
  EXPECT_THAT(format_suppressions(InRounds({20, 20, 20}).verdict({})),
              HasSubstr("max-bytes=20 max-blocks=2"));
}

TEST(Rounds, AreOneTestWhereTestsAreCounted) {
  Policy policy;
  policy.rules.min_tests = 2;
  InRounds builder({20, 20, 20});
  EXPECT_EQ(builder.verdict(policy).leaks.at(0).reason, "leaks in 1 of at least 2 tests");
  builder.leak(builder.test(0, "List.B"), builder.site, 10);
  EXPECT_EQ(builder.verdict(policy).leaks.at(0).verdict, LeakVerdict::fail);
}

}  // namespace
}  // namespace leakgate::judge

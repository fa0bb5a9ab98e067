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

TEST(Rounds, ProcessesOfOneProgramAreRunsToABaselineAndSummedUpByLimits) {
  InRounds builder({20, 20});
  const auto other = builder.process();
  builder.leak(builder.test(other, "List.A"), builder.site, 10);  // ctest --repeat, say
  EXPECT_EQ(baseline_from(builder).entries.begin()->second.bytes, 20u);
  Policy policy;
  policy.run.bytes = 29;
  EXPECT_EQ(builder.verdict(policy).summary.verdict, model::RunVerdict::fail);
  policy.run.bytes = 30;
  EXPECT_EQ(builder.verdict(policy).summary.verdict, model::RunVerdict::pass);
}

/// A suite of which `parts` processes ran a test each; set-up code leaks 8 bytes in each of them. Test 2 * i
/// is that of part i, the next one what is outside of it.
InRounds in_parts(std::size_t parts) {
  InRounds builder({});
  for (std::size_t i = 0; i < parts; ++i) {
    const auto process = builder.process();
    builder.test(process, "List." + std::to_string(i));
    builder.leak(builder.outside(process), builder.site, 8);
  }
  return builder;
}

TEST(Rounds, OutsideTestsProcessesOfOneProgramAreRunsOfIt) {
  // shards, and ctest with a process for each test: their number is no growth
  const Baseline accepted = baseline_from(in_parts(1));
  EXPECT_EQ(in_parts(5).verdict(with_baseline(accepted)).summary.verdict, model::RunVerdict::pass);
  EXPECT_EQ(baseline_from(in_parts(5)).entries.begin()->second.bytes, 8u);
  InRounds more = in_parts(2);
  more.leak(3, more.stack({{"make_node", "/home/dev/app/src/list.cpp", 40}}), 8);
  EXPECT_EQ(more.verdict(with_baseline(accepted)).summary.verdict, model::RunVerdict::fail)
      << "one of them leaks more";
  Policy policy;
  policy.suppressions = *parse_suppressions("suppress: function=make_node max-bytes=8\n", "s");
  EXPECT_EQ(in_parts(5).verdict(policy).suppressions[0].state, SuppressionState::used);
  EXPECT_THAT(format_suppressions(in_parts(5).verdict({})), HasSubstr("max-bytes=8 max-blocks=1"));
  Policy limited;
  limited.run.bytes = 8;
  EXPECT_EQ(in_parts(5).verdict(limited).summary.verdict, model::RunVerdict::fail) << "limits add up";
}

TEST(Rounds, OtherProgramsAreNoRunsOfOne) {
  InRounds builder = in_parts(1);
  const auto other = builder.process(model::ProcessRole::judged, {0, {}}, "/home/dev/app/build/more_tests");
  builder.test(other, "List.Z");
  builder.leak(builder.outside(other), builder.site, 8);
  EXPECT_EQ(baseline_from(builder).entries.begin()->second.bytes, 16u);
}

TEST(Rounds, AProgramWithoutTestsIsRunAgainByTheSameArguments) {
  const auto bytes = [](const std::vector<std::string>& words) {
    InRounds builder({});
    for (const std::string& word : words) {
      const auto process = builder.process(model::ProcessRole::judged, {0, {}}, "/home/dev/app/build/tool");
      builder.recording.processes[process].args.push_back(word);
      const auto row = builder.test(process, "tool", model::Framework::none);
      builder.leak(row, builder.site, 8);
    }
    return baseline_from(builder).entries.begin()->second.bytes;
  };
  EXPECT_EQ(bytes({"--check", "--check"}), 8u);
  EXPECT_EQ(bytes({"--check", "--dump"}), 16u);
}

TEST(Rounds, WhatIsAcceptedOutsideTestsIsSoWhereAFilterLeftNoTest) {
  // the last part of a suite with fewer tests than parts: its process is one test by the program's name
  const auto add_empty_part = [](InRounds& builder, const std::string& exe) {
    const auto process = builder.process(model::ProcessRole::judged, {0, {}}, exe);
    const auto row = builder.test(process, exe.substr(exe.rfind('/') + 1), model::Framework::none);
    builder.leak(row, builder.site, 8);
  };
  const Baseline accepted = baseline_from(in_parts(1));
  InRounds alone({}), with_others = in_parts(2), of_another({});
  add_empty_part(alone, "/home/dev/app/build/unit_tests");
  add_empty_part(with_others, "/home/dev/app/build/unit_tests");
  add_empty_part(of_another, "/home/dev/app/build/more_tests");
  EXPECT_EQ(alone.verdict(with_baseline(accepted)).summary.verdict, model::RunVerdict::pass);
  EXPECT_EQ(with_others.verdict(with_baseline(accepted)).summary.verdict, model::RunVerdict::pass);
  EXPECT_EQ(of_another.verdict(with_baseline(accepted)).summary.verdict, model::RunVerdict::fail);
  // nothing is taken back by it
  EXPECT_EQ(updated(accepted, alone.verdict(with_baseline(accepted)).baseline.rows, "").entries,
            accepted.entries);
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

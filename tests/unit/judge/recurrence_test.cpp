// SPDX-License-Identifier: Apache-2.0
// Runs that were made again, folded into one verdict.
#include "harness/judge/recurrence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::LeakVerdict;
using model::RerunScope;
using test::RecordingBuilder;
using ::testing::HasSubstr;

/// One test in each run; those of `leaking` leak at one site.
struct Runs : RecordingBuilder {
  Runs(RerunScope scope, const std::vector<bool>& leaking) {
    recording.run.rerun_scope = scope;
    recording.run.reruns = static_cast<std::uint32_t>(leaking.size() - 1);
    for (std::uint32_t run = 0; run < leaking.size(); ++run) {
      const auto index = process();
      recording.processes[index].rerun = run;
      const auto row = test(index, "List.Adds");
      if (leaking[run])
        leak(row, stack(test::with_gtest_below({{"make_node", "/home/dev/app/src/list.cpp", 12}})), 64);
    }
  }
};

TEST(Recurrence, CountsRunsOfTheTestAndThoseWithTheLeak) {
  const auto verdict = judge(Runs(RerunScope::suspects, {true, false, true, false}).recording, {});
  ASSERT_EQ(verdict.leaks.size(), 1u);
  EXPECT_EQ(verdict.leaks[0].recurrence.seen, 2u);
  EXPECT_EQ(verdict.leaks[0].recurrence.runs, 4u);
  EXPECT_THAT(verdict.leaks[0].reason, HasSubstr("seen in 2 of 4 runs: flaky"));
  EXPECT_EQ(verdict.leaks[0].verdict, LeakVerdict::fail);
  EXPECT_EQ(verdict.tests.size(), 1u) << "tests that ran again are shown once";
  EXPECT_EQ(verdict.processes.size(), 1u);
  EXPECT_EQ(verdict.summary.leaked_bytes, 64u);
}

TEST(Recurrence, WhatComesEachTimeIsNotFlaky) {
  const auto verdict = judge(Runs(RerunScope::suspects, {true, true, true}).recording, {});
  EXPECT_FALSE(verdict.leaks[0].recurrence.flaky());
  EXPECT_THAT(verdict.leaks[0].reason, HasSubstr("seen in all 3 runs"));
}

TEST(Recurrence, FlakyLeaksPassWhereThePolicySaysSo) {
  Policy policy;
  policy.rules.fail_flaky = false;
  EXPECT_EQ(judge(Runs(RerunScope::suspects, {true, false}).recording, policy).leaks[0].verdict,
            LeakVerdict::below_threshold);
  EXPECT_EQ(judge(Runs(RerunScope::suspects, {true, true}).recording, policy).leaks[0].verdict,
            LeakVerdict::fail);
}

TEST(Recurrence, OfSuspectsOnlyWhatTheRunItselfHadCounts) {
  EXPECT_TRUE(judge(Runs(RerunScope::suspects, {false, true}).recording, {}).leaks.empty());
}

TEST(Recurrence, OfWholeRunsEveryLeakCounts) {
  const auto verdict = judge(Runs(RerunScope::everything, {false, true, true}).recording, {});
  ASSERT_EQ(verdict.leaks.size(), 1u);
  EXPECT_EQ(verdict.leaks[0].recurrence.seen, 2u);
  EXPECT_EQ(verdict.leaks[0].recurrence.runs, 3u);
  EXPECT_EQ(verdict.leaks[0].test, 0u) << "it is one of the run's own test";
  EXPECT_EQ(verdict.tests.size(), 1u);
  EXPECT_EQ(verdict.tests[0].verdict, model::TestVerdict::leak);
}

TEST(Recurrence, WhatIsOutsideTestsHasRunWhereItsProgramHas) {
  RecordingBuilder builder;
  builder.recording.run.rerun_scope = RerunScope::everything;
  builder.recording.run.reruns = 2;
  for (std::uint32_t run = 0; run < 3; ++run) {
    const auto process = builder.process();
    builder.recording.processes[process].rerun = run;
    builder.test(process, "List.Adds");
    if (run == 1)
      builder.leak(builder.outside(process), builder.stack({{"set_up", "/home/dev/app/src/list.cpp", 3}}), 8);
  }
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.leaks.size(), 1u);
  EXPECT_EQ(verdict.leaks[0].recurrence.seen, 1u);
  EXPECT_EQ(verdict.leaks[0].recurrence.runs, 3u);
}

TEST(Recurrence, NothingIsCountedWhereNothingRanAgain) {
  RecordingBuilder builder;
  builder.leak(builder.test(builder.process(), "List.Adds"), model::kNone, 8);
  EXPECT_EQ(judge(builder.recording, {}).leaks[0].recurrence.runs, 0u);
}

}  // namespace
}  // namespace leakgate::judge

// SPDX-License-Identifier: Apache-2.0
// From recording to verdict: one behaviour each.
#include "harness/judge/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::Kind;
using model::LeakVerdict;
using model::ProcessRole;
using model::RunVerdict;
using model::TestVerdict;
using test::FrameText;
using test::RecordingBuilder;
using ::testing::HasSubstr;

FrameText at(const std::string& function, std::uint32_t line = 12) {
  return {function, "/home/dev/app/src/list.cpp", line};
}

/// One process, one test, one leak of 48 bytes in 2 blocks.
struct OneLeak : RecordingBuilder {
  OneLeak() { leak(leaky, site, 48, 2); }
  std::uint32_t main_process = process();
  std::uint32_t leaky = test(main_process, "List.Leaks");
  std::uint32_t site = stack(test::with_gtest_below({at("make_node"), at("List_Leaks_Test::TestBody", 20)}));
};

TEST(Judge, OutstandingBlocksOfATestFailTheRun) {
  OneLeak builder;
  builder.test(builder.main_process, "List.Clean");
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.leaks.size(), 1u);
  EXPECT_EQ(verdict.leaks[0].id, "leak-1");
  EXPECT_EQ(verdict.leaks[0].verdict, LeakVerdict::fail);
  EXPECT_EQ(verdict.leaks[0].stack[verdict.leaks[0].site].function, "make_node");
  EXPECT_EQ(verdict.tests[0].verdict, TestVerdict::leak);
  EXPECT_EQ(verdict.tests[0].pid, 4000);
  EXPECT_EQ(verdict.tests[1].verdict, TestVerdict::clean);
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::fail);
  EXPECT_EQ(verdict.summary.tests, 2u);
  EXPECT_EQ(verdict.summary.clean, 1u);
  EXPECT_EQ(verdict.summary.leaking, 1u);
  EXPECT_EQ(verdict.summary.leaked_bytes, 48u);
  EXPECT_EQ(verdict.summary.leaked_blocks, 2u);
}

TEST(Judge, ModulesOfTheRecordingAreTheVerdicts) {
  OneLeak builder;
  builder.recording.modules = {{"/home/dev/app/build/unit_tests", "aa"}};
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.modules.size(), 1u);
  EXPECT_EQ(verdict.modules[0].build_id, "aa");
}

TEST(Judge, NothingOutstandingIsAPass) {
  RecordingBuilder builder;
  const auto process = builder.process();
  builder.test(process, "A.b");
  builder.outside(process);
  const auto verdict = judge(builder.recording, {});
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::pass);
  EXPECT_EQ(verdict.summary.tests, 1u);
  EXPECT_EQ(verdict.summary.clean, 1u);
}

TEST(Judge, GroupsOfOneSiteAreOneLeak) {
  OneLeak builder;
  auto& more = builder.leak(
      builder.leaky,
      builder.stack(test::with_gtest_below({at("make_node"), at("List_Leaks_Test::TestBody", 20)})), 100, 3);
  more.age_min_ms = 5;
  more.age_max_ms = 2000;
  more.age_log2_ms = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1};
  builder.recording.blocks[0].age_log2_ms = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.leaks.size(), 1u);
  EXPECT_EQ(verdict.leaks[0].bytes, 148u);
  EXPECT_EQ(verdict.leaks[0].blocks, 5u);
  EXPECT_EQ(verdict.leaks[0].age_min_ms, 5u);
  EXPECT_EQ(verdict.leaks[0].age_max_ms, 2000u);
  EXPECT_EQ(verdict.leaks[0].age_log2_ms, (std::vector<std::uint64_t>{0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 2, 1}));
}

TEST(Judge, TheHistoryOfALeakIsOfAllItsStacks) {
  OneLeak builder;
  const auto second =
      builder.stack(test::with_gtest_below({at("make_node"), at("List_Leaks_Test::TestBody", 20)}));
  builder.leak(builder.leaky, second, 100, 3);
  builder.leak(builder.leaky, second, 50, 1).age_min_ms = 1;  // its history counts once
  auto& stacks = builder.recording.stacks;
  auto& first = stacks[builder.recording.blocks[0].stack];
  first.allocations = 7;
  first.frees = 5;
  first.lifetime_log2_ms = {4, 1};
  stacks[second].allocations = 10;
  stacks[second].frees = 6;
  stacks[second].lifetime_log2_ms = {1, 2, 3};
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.leaks.size(), 1u);
  const auto* history = verdict.leaks[0].stack.history();
  ASSERT_NE(history, nullptr);
  EXPECT_EQ(history->allocations, 17u);
  EXPECT_EQ(history->frees, 11u);
  EXPECT_EQ(history->lifetime_log2_ms, (std::vector<std::uint64_t>{5, 3, 3}));
}

TEST(Judge, OneGroupWithoutAgesLeavesThoseOfTheLeakUnknown) {
  OneLeak builder;
  builder.recording.blocks[0].age_log2_ms = {0, 2};
  EXPECT_EQ(judge(builder.recording, {}).leaks.at(0).age_log2_ms, (std::vector<std::uint64_t>{0, 2}));
  builder.leak(builder.leaky,
               builder.stack(test::with_gtest_below({at("make_node"), at("List_Leaks_Test::TestBody", 20)})),
               100, 3);
  ASSERT_TRUE(builder.recording.blocks[1].age_log2_ms.empty());
  EXPECT_TRUE(judge(builder.recording, {}).leaks.at(0).age_log2_ms.empty()) << "200 to 900 ms: who knows";
  builder.recording.blocks[1].age_min_ms = 600;
  builder.recording.blocks[0].age_log2_ms = {0, 2};
  EXPECT_EQ(judge(builder.recording, {}).leaks.at(0).age_log2_ms,
            (std::vector<std::uint64_t>{0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3}))
      << "600 to 900 ms: one bucket";
}

TEST(Judge, TwoLinesOfOneFunctionAreTwoLeaksWithOneFingerprint) {
  OneLeak builder;
  builder.leak(
      builder.leaky,
      builder.stack(test::with_gtest_below({at("make_node", 13), at("List_Leaks_Test::TestBody", 20)})), 100);
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.leaks.size(), 2u);
  EXPECT_EQ(verdict.leaks[0].fingerprint, verdict.leaks[1].fingerprint);
  EXPECT_EQ(verdict.leaks[0].bytes, 100u) << "most bytes first";
}

TEST(Judge, WhatStdioKeepsAndALeakOnTheSameLineAreTwo) {
  RecordingBuilder builder;
  const auto process = builder.process();
  const auto test = builder.test(process, "A.b");
  const test::FrameText line{"main", "/home/dev/app/main.cpp", 19};
  const std::string libc = "/lib/x86_64-linux-gnu/libc.so.6";
  builder.leak(
      test,
      builder.stack({{"_IO_file_doallocate", "", 0, libc}, {"puts", "", 0, libc}, line, {"_start", "", 0}}),
      1024);
  builder.leak(test, builder.stack({line, {"_start", "", 0}}), 78);
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.leaks.size(), 2u);
  EXPECT_EQ(verdict.leaks[0].verdict, LeakVerdict::allowed);
  EXPECT_EQ(verdict.leaks[1].verdict, LeakVerdict::fail);
  EXPECT_EQ(verdict.leaks[1].bytes, 78u);
}

TEST(Judge, KindsAndTestsKeepLeaksApart) {
  OneLeak builder;
  builder.leak(builder.leaky, builder.site, 8).kind = Kind::definitely_lost;
  builder.leak(builder.test(builder.main_process, "List.Other"), builder.site, 8);
  EXPECT_EQ(judge(builder.recording, {}).leaks.size(), 3u);
}

TEST(Judge, TheOrderOfBlocksDoesNotMatter) {
  OneLeak builder;
  for (std::uint32_t line = 1; line < 20; ++line)
    builder.leak(builder.leaky, builder.stack({at("f" + std::to_string(line % 3), line)}), 16 * (line % 4),
                 1);
  const auto first = judge(builder.recording, {});
  std::reverse(builder.recording.blocks.begin(), builder.recording.blocks.end());
  const auto second = judge(builder.recording, {});
  ASSERT_EQ(first.leaks.size(), second.leaks.size());
  for (std::size_t i = 0; i < first.leaks.size(); ++i) {
    EXPECT_EQ(first.leaks[i].fingerprint, second.leaks[i].fingerprint);
    EXPECT_EQ(first.leaks[i].bytes, second.leaks[i].bytes);
    EXPECT_EQ(first.leaks[i].stack[0].line, second.leaks[i].stack[0].line);
  }
}

TEST(Judge, WhichOfItsStacksALeakShowsIsNoMatterOfOrder) {
  OneLeak builder;
  const auto longer = test::with_gtest_below(
      {test::in_libstdcxx("std::allocator::allocate"), at("make_node"), at("List_Leaks_Test::TestBody", 20)});
  const auto row = builder.stack(longer);
  builder.leak(builder.leaky, row, 100, 3).lost_at_end = true;
  auto last = longer;
  last.front().function = "std::a_name_that_sorts_before";
  builder.leak(builder.leaky, builder.stack(last), 10);
  builder.recording.stacks[row].truncated = true;
  builder.recording.stacks[row].freed_by = builder.stack({at("drop_node")});
  for (std::size_t i = 1; i < 3; ++i)  // the first has none
    builder.recording.blocks[i].retained_by = {"holder " + std::to_string(3 - i)};
  for (const bool reversed : {false, true}) {
    if (reversed) std::reverse(builder.recording.blocks.begin(), builder.recording.blocks.end());
    const auto verdict = judge(builder.recording, {});
    ASSERT_EQ(verdict.leaks.size(), 1u);
    const auto& leak = verdict.leaks[0];
    EXPECT_EQ(leak.stack[0].function, "make_node") << "the shortest";
    EXPECT_EQ(leak.site, 0u);
    EXPECT_FALSE(leak.lost_at_end) << "some were lost before";
    EXPECT_EQ(leak.retained_by, (std::vector<std::string>{"holder 1"}));
    ASSERT_FALSE(leak.freed_by.empty());
    EXPECT_EQ(leak.freed_by[0].function, "drop_node");
  }
  builder.recording.stacks[builder.site].truncated = true;
  for (const bool reversed : {false, true}) {
    if (reversed) std::reverse(builder.recording.blocks.begin(), builder.recording.blocks.end());
    const auto verdict = judge(builder.recording, {});
    const auto& leak = verdict.leaks.at(0);
    EXPECT_EQ(leak.stack[0].function, "std::a_name_that_sorts_before") << "the one that is whole";
    EXPECT_EQ(leak.site, 1u);
  }
}

TEST(Judge, ReachableBlocksAreAllowedUnlessThePolicySaysOtherwise) {
  OneLeak builder;
  builder.recording.blocks[0].kind = Kind::still_reachable;
  auto verdict = judge(builder.recording, {});
  EXPECT_EQ(verdict.leaks[0].verdict, LeakVerdict::allowed);
  EXPECT_THAT(verdict.leaks[0].reason, HasSubstr("still_reachable"));
  EXPECT_EQ(verdict.tests[0].verdict, TestVerdict::allowed);
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::pass);
  Policy strict;
  strict.rules.failing_kinds = {Kind::still_reachable};
  EXPECT_EQ(judge(builder.recording, strict).summary.verdict, RunVerdict::fail);
}

TEST(Judge, WhatAFrameworkKeepsForItselfIsAllowedAndTheTestClean) {
  RecordingBuilder builder;
  const auto process = builder.process();
  builder.leak(builder.test(process, "A.b"),
               builder.stack(test::with_gtest_below({test::in_libstdcxx("operator new(unsigned long)"),
                                                     test::in_gtest("testing::TestResult::RecordProperty")})),
               64);
  const auto verdict = judge(builder.recording, {});
  EXPECT_EQ(verdict.leaks[0].verdict, LeakVerdict::allowed);
  EXPECT_EQ(verdict.leaks[0].reason, "allocated by GoogleTest for itself");
  EXPECT_EQ(verdict.tests[0].verdict, TestVerdict::clean);
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::pass);
}

TEST(Judge, ProcessesThatAreNotJudgedMakeNoLeaksButAreCounted) {
  for (const auto role :
       {ProcessRole::death_test, ProcessRole::replaced, ProcessRole::runner, ProcessRole::running}) {
    OneLeak builder;
    builder.recording.processes[0].role = role;
    const auto verdict = judge(builder.recording, {});
    EXPECT_TRUE(verdict.leaks.empty());
    EXPECT_EQ(verdict.summary.verdict, RunVerdict::pass);
    ASSERT_EQ(verdict.tracer.notes.size(), 1u);
    EXPECT_THAT(verdict.tracer.notes[0], HasSubstr("48 bytes in 2 blocks of 1 process not judged: "));
  }
}

TEST(Judge, AnUnfinishedWindowOfADeathTestsChildIsNoTestCase) {
  OneLeak builder;
  const auto child = builder.process(ProcessRole::death_test, {{}, 6});
  builder.recording.tests[builder.test(child, "List.Leaks")].complete = false;
  const auto verdict = judge(builder.recording, {});
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::fail);
  EXPECT_EQ(verdict.summary.tests, 1u);
}

TEST(Judge, ATestThatWasOpenWhenExecReplacedItsProcessHasNoEnd) {
  OneLeak builder;
  const auto replaced = builder.process(ProcessRole::replaced, {});
  builder.recording.tests[builder.test(replaced, "List.Execs")].complete = false;
  const auto verdict = judge(builder.recording, {});
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::incomplete);
  EXPECT_EQ(verdict.summary.tests, 2u);
  ASSERT_EQ(verdict.run.incomplete_reasons.size(), 1u);
  EXPECT_EQ(verdict.run.incomplete_reasons[0].cause, "missed_test_end");
}

TEST(Judge, ACrashExcusesTheOpenWindowOnly) {
  OneLeak builder;
  builder.recording.processes[0].exit = {{}, 6};
  const auto crashed = builder.test(builder.main_process, "List.Crashes");
  builder.recording.tests[crashed].complete = false;
  builder.recording.tests[crashed].outcome = model::Outcome::crashed;
  builder.leak(crashed, builder.site, 10);
  builder.leak(builder.outside(builder.main_process), builder.site, 20);
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.leaks.size(), 3u);
  EXPECT_EQ(verdict.leaks[0].verdict, LeakVerdict::fail) << "a closed window is judged as usual";
  EXPECT_EQ(verdict.leaks[1].verdict, LeakVerdict::allowed);
  EXPECT_EQ(verdict.leaks[1].reason, "the process died by signal 6 before it could free them");
  EXPECT_EQ(verdict.leaks[2].verdict, LeakVerdict::allowed);
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::fail) << "a crash is not incomplete";
  EXPECT_EQ(verdict.summary.tests, 2u);
}

TEST(Judge, AMissedTestEndMakesTheRunIncomplete) {
  OneLeak builder;
  builder.recording.tests[builder.test(builder.main_process, "List.Hangs")].complete = false;
  const auto verdict = judge(builder.recording, {});
  EXPECT_EQ(verdict.tests[1].verdict, TestVerdict::incomplete);
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::incomplete);
  ASSERT_EQ(verdict.run.incomplete_reasons.size(), 1u);
  EXPECT_EQ(verdict.run.incomplete_reasons[0].cause, "missed_test_end");
  EXPECT_EQ(incomplete_reasons(builder.recording), verdict.run.incomplete_reasons) << "without a policy";
  EXPECT_THAT(verdict.run.incomplete_reasons[0].message, HasSubstr("List.Hangs"));
  EXPECT_EQ(verdict.leaks.size(), 1u) << "what was found is still listed";
}

TEST(Judge, ALostEventIsNeverAPassEvenIfNobodyNamedIt) {
  RecordingBuilder builder;
  builder.test(builder.process(), "A.b");
  builder.recording.tracer.lost["map_full"] = 3;
  const auto verdict = judge(builder.recording, {});
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::incomplete);
  ASSERT_EQ(verdict.run.incomplete_reasons.size(), 1u);
  EXPECT_EQ(verdict.run.incomplete_reasons[0].count, 3u);
}

TEST(Judge, ANamedLossIsNotNamedTwice) {
  RecordingBuilder builder;
  builder.recording.tracer.lost["map_full"] = 3;
  builder.recording.run.incomplete_reasons.push_back(
      {"map_full", 3, "the table of blocks was full", "--max-blocks"});
  EXPECT_EQ(judge(builder.recording, {}).run.incomplete_reasons.size(), 1u);
}

TEST(Judge, SmallAndYoungLeaksAreBelowTheThreshold) {
  OneLeak builder;
  Policy policy;
  policy.rules.min_size_bytes = 48;
  EXPECT_EQ(judge(builder.recording, policy).leaks[0].verdict, LeakVerdict::fail);
  policy.rules.min_size_bytes = 49;
  EXPECT_EQ(judge(builder.recording, policy).leaks[0].verdict, LeakVerdict::below_threshold);
  policy = {};
  policy.rules.min_age_s = 0.9;
  EXPECT_EQ(judge(builder.recording, policy).leaks[0].verdict, LeakVerdict::fail);
  policy.rules.min_age_s = 1;
  const auto verdict = judge(builder.recording, policy);
  EXPECT_EQ(verdict.leaks[0].verdict, LeakVerdict::below_threshold);
  EXPECT_EQ(verdict.leaks[0].reason, "younger than the minimum age of 1 s");
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::pass);
}

TEST(Judge, LimitsOverTheRunTolerateUpToTheirValue) {
  OneLeak builder;
  builder.leak(builder.test(builder.main_process, "List.More"), builder.site, 52, 1);
  Policy policy;
  policy.run.bytes = 100;
  const auto within = judge(builder.recording, policy);
  EXPECT_EQ(within.summary.verdict, RunVerdict::pass);
  EXPECT_EQ(within.leaks[0].reason, "within the limits of the run: 100 of at most 100 bytes");
  EXPECT_TRUE(within.limits_exceeded.empty());
  policy.run.bytes = 99;
  const auto above = judge(builder.recording, policy);
  EXPECT_EQ(above.summary.verdict, RunVerdict::fail);
  EXPECT_EQ(above.summary.leaking, 2u);
  ASSERT_EQ(above.limits_exceeded.size(), 1u);
  EXPECT_EQ(above.limits_exceeded[0], "the run leaks 100 of at most 99 bytes");
  policy.run.bytes = 100;
  policy.run.blocks = 2;
  EXPECT_EQ(judge(builder.recording, policy).summary.verdict, RunVerdict::fail)
      << "one limit exceeded is enough";
}

TEST(Judge, BlocksOutsideTestsCountAsARowOnlyWhenTheyLeak) {
  OneLeak builder;
  builder.recording.blocks[0].test = model::kNone;
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.tests.size(), 2u);
  EXPECT_EQ(verdict.tests[1].test.id, "(outside tests)");
  EXPECT_EQ(verdict.tests[1].verdict, TestVerdict::leak);
  EXPECT_EQ(verdict.summary.tests, 2u);
  EXPECT_EQ(verdict.summary.clean, 1u);
}

TEST(Judge, HugeCountsDoNotWrapRound) {
  OneLeak builder;
  builder.leak(builder.leaky, builder.site, ~0ull, ~0ull);
  const auto verdict = judge(builder.recording, {});
  EXPECT_EQ(verdict.summary.leaked_bytes, ~0ull);
  EXPECT_EQ(verdict.summary.verdict, RunVerdict::fail);
}

TEST(Judge, AnEmptyStackIsStillALeak) {
  OneLeak builder;
  builder.recording.blocks[0].stack = model::kNone;
  const auto verdict = judge(builder.recording, {});
  ASSERT_EQ(verdict.leaks.size(), 1u);
  EXPECT_EQ(verdict.leaks[0].verdict, LeakVerdict::fail);
  EXPECT_EQ(verdict.leaks[0].site, verdict.leaks[0].stack.size());
}

TEST(Judge, SeverityGrowsWithBytesAndFallsWithDoubt) {
  EXPECT_EQ(severity_of(1023), model::Severity::low);
  EXPECT_EQ(severity_of(1024), model::Severity::medium);
  EXPECT_EQ(severity_of(64 * 1024), model::Severity::high);
  EXPECT_EQ(severity_of(1024 * 1024), model::Severity::critical);
  EXPECT_EQ(severity_of(1024 * 1024, 0.4), model::Severity::high);
  EXPECT_EQ(severity_of(64 * 1024, 0.4), model::Severity::medium);
  EXPECT_EQ(severity_of(1024, 0.4), model::Severity::low);
  EXPECT_EQ(severity_of(1, 0.4), model::Severity::low);
  EXPECT_EQ(severity_of(1024, 0.5), model::Severity::medium);
}

}  // namespace
}  // namespace leakgate::judge

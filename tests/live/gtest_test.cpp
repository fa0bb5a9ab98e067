// SPDX-License-Identifier: Apache-2.0
// GoogleTest binaries, unchanged: each leak under its own test, outcomes, death tests, crashes, repeats.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr std::string_view kOutside = "(outside tests)";

class GoogleTest : public Live {
 protected:
  Traced run(std::string_view name, int status, std::vector<std::string> arguments = {}) {
    Traced traced = trace_program(scratch_, name, std::move(arguments));
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), status) << traced.program.err;
    return traced;
  }
  static std::string leak(std::string_view file, std::string_view test, std::uint64_t blocks,
                          std::uint64_t bytes) {
    return row(0, test, file, "live_keep(std::malloc(bytes))", blocks, bytes);
  }
  /// Rows of live_gtest_mixed when each of its tests has run `times` times.
  static std::vector<std::string> mixed(std::uint64_t times) {
    const auto at = [times](std::string_view test, std::uint64_t bytes) {
      return leak("gtest_mixed.cpp", test, times, bytes * times);
    };
    return {at("Outcome.PassesAndLeaks", 240), at("Outcome.FailsAndLeaks", 241),
            at("Outcome.SkipsAndLeaks", 242), at("Numbers/Param.Leaks/1", 244), at("Typed/1.Leaks", 8)};
  }
};

TEST_F(GoogleTest, EachKindOfTestOwnsItsLeak) {
  const Traced traced = run("live_gtest_mixed", 1);
  EXPECT_THAT(leak_rows(traced), testing::UnorderedElementsAreArray(mixed(1)));
  EXPECT_THAT(test_outcomes(traced),
              ElementsAre("Outcome.PassesAndLeaks passed leak", "Outcome.FailsAndLeaks failed leak",
                          "Outcome.SkipsAndLeaks skipped leak", "Outcome.PassesClean passed clean",
                          "Outcome.SkipsClean skipped clean", "Typed/0.Leaks passed clean",
                          "Typed/1.Leaks passed leak", "LateFree.Allocates passed clean",
                          "LateFree.Frees passed clean", "Numbers/Param.Leaks/0 passed clean",
                          "Numbers/Param.Leaks/1 passed leak", "Numbers/Param.Leaks/2 passed clean"));
  EXPECT_EQ(traced.result["summary"]["leaking"], 5);
}

TEST_F(GoogleTest, TestsHaveFileAndLine) {
  const Traced traced = run("live_gtest_mixed", 1, {"--gtest_filter=Outcome.FailsAndLeaks"});
  const auto test = test_row(traced, "Outcome.FailsAndLeaks");
  EXPECT_EQ(test["framework"], "gtest");
  EXPECT_EQ(test["file"], program_source("gtest_mixed.cpp"));
  EXPECT_EQ(test["line"], line_of("gtest_mixed.cpp", "TEST(Outcome, FailsAndLeaks)"));
}

TEST_F(GoogleTest, RepeatsAddUp) {
  const Traced traced = run("live_gtest_mixed", 1, {"--gtest_repeat=3"});
  std::uint64_t blocks = 0;
  for (const auto& found : traced.result["leaks"])
    if (found["verdict"] == "fail") blocks += found["blocks"].get<std::uint64_t>();
  EXPECT_EQ(blocks, 15u);
  EXPECT_EQ(traced.result["summary"]["leaked_bytes"], 3 * 975);
}

TEST_F(GoogleTest, ShuffledTestsKeepTheirOwnLeaks) {
  const Traced traced = run("live_gtest_mixed", 1, {"--gtest_shuffle", "--gtest_random_seed=7"});
  EXPECT_THAT(leak_rows(traced), testing::UnorderedElementsAreArray(mixed(1)));
}

TEST_F(GoogleTest, DisabledTestsAreJudgedWhenTheyRun) {
  auto expected = mixed(1);
  expected.push_back(leak("gtest_mixed.cpp", "Outcome.DISABLED_Leaks", 1, 243));
  const Traced traced = run("live_gtest_mixed", 1, {"--gtest_also_run_disabled_tests"});
  EXPECT_THAT(leak_rows(traced), testing::UnorderedElementsAreArray(expected));
}

TEST_F(GoogleTest, CleanSelectionPasses) {
  const Traced traced = run("live_gtest_mixed", 0, {"--gtest_filter=Outcome.PassesClean:LateFree.*"});
  EXPECT_THAT(test_outcomes(traced), Each(HasSubstr("passed clean")));
}

TEST_F(GoogleTest, WhatADeathTestsChildLosesNeverCounts) {
  const Traced traced = run("live_gtest_death", 23);
  EXPECT_THAT(leak_rows(traced),
              UnorderedElementsAre(leak("gtest_death.cpp", "Plain.Leaks", 1, 230),
                                   leak("gtest_death.cpp", "DeathTest.LeaksAfterDeath", 1, 231)));
  EXPECT_THAT(test_outcomes(traced),
              ElementsAre("DeathTest.FastStyle passed clean", "DeathTest.ThreadsafeStyle passed clean",
                          "DeathTest.ExitsWithLeak passed clean", "DeathTest.LeaksAfterDeath passed leak",
                          "Plain.Leaks passed leak", "Plain.IsClean passed clean",
                          "Plain.IsCleanAfterAll passed clean"));
  for (const auto& found : traced.result["leaks"]) {
    EXPECT_NE(found["bytes"], 9999) << found;
    EXPECT_NE(found["bytes"], 8888) << found;
  }
}

TEST_F(GoogleTest, CrashedTestIsNamedAndEarlierLeaksStand) {
  const Traced traced = run("live_gtest_crash", 139);
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAre(leak("gtest_crash.cpp", "Crash.LeaksBefore", 1, 260)));
  EXPECT_THAT(test_outcomes(traced),
              ElementsAre("Crash.LeaksBefore passed leak", "Crash.Crashes crashed allowed"));
  EXPECT_THAT(leak_rows(traced, "allowed"),
              testing::Contains(leak("gtest_crash.cpp", "Crash.Crashes", 1, 261)));
}

TEST_F(GoogleTest, CrashedTestHasItsFigures) {
  const auto test = test_row(run("live_gtest_crash", 139), "Crash.Crashes");
  EXPECT_GE(test["allocations"], 1);
  EXPECT_GE(test["allocated_bytes"], 261);
}

/// Without symbols no test can be seen: everything belongs to the process, and every report says why.
TEST_F(GoogleTest, StrippedBinaryIsOneTestAndTheReportSaysSo) {
  const std::string binary = program_path("live_gtest_mixed_stripped");
  const auto junit = scratch_ / "report.xml";
  const auto sarif = scratch_ / "report.sarif";
  const Traced traced = trace(scratch_, {.command = {binary, "--gtest_filter=*Leaks*:-*FailsAndLeaks"},
                                         .options = {"--junit", junit, "--sarif", sarif}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["complete"], true);
  EXPECT_THAT(test_outcomes(traced), ElementsAre("live_gtest_mixed_stripped passed leak"));
  EXPECT_EQ(traced.result["summary"]["leaked_bytes"], 240 + 242 + 244 + 8);
  EXPECT_EQ(traced.result["summary"]["leaked_blocks"], 4);
  EXPECT_THAT(traced.result["tracer"]["notes"].dump(), HasSubstr("live_gtest_mixed_stripped is stripped"));
  EXPECT_THAT(traced.program.err, HasSubstr("live_gtest_mixed_stripped is stripped"));
}

TEST_F(GoogleTest, ThreadsBelongToTheTestThatStartedThem) {
  const auto lost = [](std::string_view test, std::uint64_t bytes) {
    return row(0, test, "gtest_threads.cpp", "live_keep(std::calloc(1, bytes))", 1, bytes);
  };
  EXPECT_THAT(leak_rows(run("live_gtest_threads", 23)),
              UnorderedElementsAre(lost("Threads.Starts", 351), lost("Threads.Starts", 352),
                                   lost("Threads.LetsThemLeak", 353), lost("Threads.After", 354)));
}

TEST_F(GoogleTest, LeaksBeforeBetweenAndAfterTestsAreOutside) {
  EXPECT_THAT(leak_rows(run("live_gtest_outside", 23)),
              UnorderedElementsAre(
                  leak("gtest_outside.cpp", kOutside, 1, 250), leak("gtest_outside.cpp", kOutside, 1, 251),
                  leak("gtest_outside.cpp", kOutside, 1, 252), leak("gtest_outside.cpp", kOutside, 1, 253),
                  leak("gtest_outside.cpp", "Inside.Leaks", 1, 254),
                  leak("gtest_outside.cpp", "Inside.LeaksInThread", 1, 255)));
}

}  // namespace
}  // namespace leakgate::live

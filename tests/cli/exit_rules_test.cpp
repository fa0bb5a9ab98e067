// SPDX-License-Identifier: Apache-2.0
// Whose failure the exit status tells, tests that must have run, and what stands behind rows of ctest, on
// recordings of known content.
#include "tests/cli/cli_run.h"

namespace leakgate::live {
namespace {

using testing::HasSubstr;

class ExitRules : public Cli {
 protected:
  ProgramResult judge(std::string_view name, std::vector<std::string> options) {
    options.insert(options.begin(),
                   {"judge", std::string(LEAKGATE_GOLDEN) + "/" + std::string(name) + "/recording.lgrec"});
    return leakgate(std::move(options));
  }
};

TEST_F(ExitRules, GateLeavesTheCommandsOwnFailureAside) {
  EXPECT_EQ(judge("leaks", {"--exit-status", "all"}).status(), 1);
  EXPECT_EQ(judge("leaks", {"--exit-status", "gate"}).status(), 23);
  EXPECT_EQ(judge("clean", {"--exit-status", "gate"}).status(), 0);
  EXPECT_EQ(judge("incomplete", {"--exit-status", "gate"}).status(), 125);
}

TEST_F(ExitRules, NoneIsForReportsAlone) {
  for (const auto* name : {"leaks", "clean", "incomplete", "crash"})
    EXPECT_EQ(judge(name, {"--exit-status", "none"}).status(), 0) << name;
  EXPECT_EQ(judge("no_such", {"--exit-status", "none"}).status(), 125);
  expect_refusal(judge("leaks", {"--exit-status", "some"}), 125, "--exit-status");
}

TEST_F(ExitRules, ATestThatMustRunAndDidNotMakesTheRunIncomplete) {
  const ProgramResult result = judge("clean", {"--expect-test", "No.Such"});
  EXPECT_EQ(result.status(), 125);
  EXPECT_THAT(result.out, HasSubstr("test No.Such did not run"));
  EXPECT_THAT(judge("crash", {"--exit-status=gate", "--expect-test=No.Such"}).out, HasSubstr("No.Such"));
}

/// Filters of Catch2 and doctest select tests whose names differ in case alone: the row is of one of them.
TEST_F(ExitRules, ARowOfOneTestJudgesNoOther) {
  const std::vector<std::string> clean = {"--exit-status=gate", "--expect-test=List.Clean0"};
  EXPECT_EQ(judge("leaks", clean).status(), 23);
  auto only = clean;
  only.emplace_back("--only-expected-tests");
  const ProgramResult result = judge("leaks", only);
  EXPECT_EQ(result.status(), 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("1 test, "));
  EXPECT_EQ(
      judge("leaks", {"--exit-status=gate", "--expect-test=List.Leaks0", "--only-expected-tests"}).status(),
      23);
}

/// Where the command's own failure is left aside, the leaks of a test that crashed would be nobody's.
TEST_F(ExitRules, ATestThatCrashedIsNoPass) {
  const auto count = [](const std::string& text, std::string_view part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++n;
    return n;
  };
  const ProgramResult gate = judge("crash", {"--exit-status=gate"});
  EXPECT_EQ(gate.status(), 125);
  EXPECT_EQ(count(gate.out, "test_crashed: test Tree.Breaks crashed"), 1u) << gate.out;
  EXPECT_EQ(count(judge("crash", {}).out, "crashed, so"), 0u);
}

TEST_F(ExitRules, ARowReadsItsTestFromTheRun) {
  ASSERT_EQ(judge("stripped", {"--report", "ctest-rows=rows", "--output", "console"}).status(), 23);
  const ProgramResult others = leakgate({"ctest-row", "--rows=rows", "--run=r", "--test=absent"});
  EXPECT_EQ(others.status(), 125);
  EXPECT_THAT(others.out, HasSubstr("did not run"));
  EXPECT_EQ(leakgate({"ctest-row", "--rows=missing", "--run=r", "--test=a"}).status(), 125);
  EXPECT_EQ(leakgate({"ctest-row", "--rows=missing", "--run=r", "--test=a", "--skip=yes"}).status(), 77);
  EXPECT_EQ(leakgate({"ctest-row", "--no-such=x"}).status(), 125);
}

TEST_F(ExitRules, InValgrindsPlaceOnlyMemcheckIsKnown) {
  expect_refusal(leakgate({"-q", "--tool=helgrind", "true"}), 125, "not for helgrind");
  expect_refusal(leakgate({"--tool=memcheck", "--log-file=x"}), 125, "no command");
}

}  // namespace
}  // namespace leakgate::live

// SPDX-License-Identifier: Apache-2.0
// A run cut up by test: each row says what its test did and no more, and nothing falls between the rows.
#include "harness/report/ctest_rows.h"

#include <gmock/gmock.h>

#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using test::TwoTests;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

CtestRows rows_of(const model::Verdict& verdict) {
  auto rows = parse_ctest_rows(render(verdict, Format::ctest_rows));
  EXPECT_TRUE(rows) << rows.error().message;
  return rows ? *rows : CtestRows{};
}

TEST(CtestRows, EachTestHasItsOwnVerdict) {
  TwoTests run;
  run.leak(run.clean, run.site, 0, 0);
  const CtestRows rows = rows_of(TwoTests().verdict());
  const CtestRow leaky = row_of(rows, "Suite.Leaks");
  EXPECT_EQ(leaky.status, 23);
  EXPECT_THAT(leaky.text, AllOf(HasSubstr("src/list.cpp:12"), HasSubstr("make_node"),
                                EndsWith("leakgate: fail: 1 of 1 test leaks, 48 bytes in 2 blocks\n")));
  const CtestRow clean = row_of(rows, "Suite.Clean");
  EXPECT_EQ(clean.status, 0);
  EXPECT_EQ(clean.text, "leakgate: pass: 1 test, no leaks\n");
}

TEST(CtestRows, ATestThatDidNotRunIsNoPass) {
  const CtestRow row = row_of(rows_of(TwoTests().verdict()), "Suite.Absent");
  EXPECT_EQ(row.status, 125);
  EXPECT_THAT(row.text, HasSubstr("did not run"));
}

TEST(CtestRows, AnIncompleteRunPassesNobody) {
  TwoTests run;
  run.recording.run.incomplete_reasons.push_back({"lost_ring", 3, "3 events lost", "--ring-bytes"});
  const CtestRows rows = rows_of(run.verdict());
  for (const auto* id : {"Suite.Leaks", "Suite.Clean", "Suite.Absent"}) {
    const CtestRow row = row_of(rows, id);
    EXPECT_EQ(row.status, 125) << id;
    EXPECT_THAT(row.text, HasSubstr("3 events lost"));
  }
}

TEST(CtestRows, ATestsOwnFailureIsSaidAndNotCounted) {
  TwoTests run;
  run.recording.tests[run.clean].outcome = model::Outcome::failed;
  run.recording.run.exit.code = 1;
  const CtestRow row = row_of(rows_of(run.verdict()), "Suite.Clean");
  EXPECT_EQ(row.status, 0);
  EXPECT_THAT(row.text, HasSubstr("the test itself failed"));
}

TEST(CtestRows, ACrashedTestCannotBeTold) {
  TwoTests run;
  run.recording.tests[run.clean].outcome = model::Outcome::crashed;
  run.recording.tests[run.clean].complete = false;
  run.recording.processes[run.main_process].exit = {{}, 11};
  const CtestRow row = row_of(rows_of(run.verdict()), "Suite.Clean");
  EXPECT_EQ(row.status, 125);
  EXPECT_THAT(row.text, HasSubstr("crashed"));
}

TEST(CtestRows, WhatHasNoRowIsWithTheOthers) {
  const CtestRows rows = rows_of(TwoTests().verdict());
  EXPECT_EQ(row_of_others(rows, {"Suite.Leaks", "Suite.Clean"}).status, 0);
  const CtestRow others = row_of_others(rows, {"Suite.Clean"});
  EXPECT_EQ(others.status, 23);
  EXPECT_THAT(others.text, HasSubstr("src/list.cpp:12"));
}

TEST(CtestRows, LimitsBelongToTheRunOnlyWhereNoLeakFails) {
  TwoTests run;
  judge::Policy policy;
  policy.run.bytes = 10;
  const CtestRows exceeded = rows_of(run.verdict(policy));
  EXPECT_EQ(row_of(exceeded, "Suite.Leaks").status, 23);
  EXPECT_EQ(row_of_others(exceeded, {"Suite.Leaks", "Suite.Clean"}).status, 0);
  policy.run.bytes = 1000;
  EXPECT_EQ(row_of(rows_of(run.verdict(policy)), "Suite.Leaks").status, 0);
}

TEST(CtestRows, EqualIdsAreOneRow) {
  TwoTests run;
  run.test(run.main_process, "Suite.Leaks");
  const CtestRow row = row_of(rows_of(run.verdict()), "Suite.Leaks");
  EXPECT_EQ(row.status, 23);
  EXPECT_THAT(row.text, HasSubstr("1 of 2 tests leak"));
}

TEST(CtestRows, AnyNameComesBack) {
  test::RecordingBuilder builder = test::hostile(1000);
  const auto verdict = judge::judge(builder.recording, {});
  const CtestRows rows = rows_of(verdict);
  for (const auto& judged : verdict.tests)
    EXPECT_THAT(row_of(rows, judged.test.id).text, Not(HasSubstr("did not run")));
}

TEST(CtestRows, EveryCutIsFoundOut) {
  const std::string whole = render(TwoTests().verdict(), Format::ctest_rows);
  ASSERT_TRUE(parse_ctest_rows(whole));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
    EXPECT_FALSE(parse_ctest_rows(std::string_view(whole).substr(0, bytes))) << bytes;
  EXPECT_FALSE(parse_ctest_rows(whole + "x"));
}

}  // namespace
}  // namespace leakgate::report

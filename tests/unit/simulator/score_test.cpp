// SPDX-License-Identifier: Apache-2.0
// The scorer: every kind of fault is counted as itself and as nothing else.
#include "simulator/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leakgate::simulator {
namespace {

TruthLeak true_leak(const std::string& function, std::uint32_t line, const std::string& test = "S.t") {
  TruthLeak leak;
  leak.kind = "definitely_lost";
  leak.blocks = 2;
  leak.bytes = 40;
  leak.function = function;
  leak.file = "/src/simulator/scenarios/basic.cpp";
  leak.line = line;
  leak.test = test;
  return leak;
}

ReportedLeak reported(const std::string& function, std::uint32_t line, const std::string& test = "S.t") {
  ReportedLeak leak;
  leak.id = "leak-1";
  leak.test = test;
  leak.kind = "definitely_lost";
  leak.verdict = "fail";
  leak.blocks = 2;
  leak.bytes = 40;
  leak.stack = {
      {"operator new(unsigned long)", "", 0},
      {"leakgate::simulator::(anonymous namespace)::" + function + "(Site&)", "scenarios/basic.cpp", line},
      {"main", "main.cpp", 3}};
  return leak;
}

Score scored(std::vector<TruthLeak> truths, std::vector<ReportedLeak> reports, bool complete = true) {
  Truth truth;
  truth.leaks = std::move(truths);
  ReportedResult result;
  result.complete = complete;
  result.leaks = std::move(reports);
  return score(truth, result);
}

TEST(Score, ExactReportIsPerfect) {
  const Score s = scored({true_leak("f", 10)}, {reported("f", 10)});
  EXPECT_TRUE(s.perfect());
  EXPECT_EQ(s.true_positives, 1u);
  EXPECT_THAT(s.faults, testing::IsEmpty());
}

TEST(Score, NothingForNothingIsPerfect) {
  EXPECT_TRUE(scored({}, {}).perfect());
}

TEST(Score, IncompleteTraceIsNeverPerfect) {
  EXPECT_FALSE(scored({true_leak("f", 10)}, {reported("f", 10)}, false).perfect());
}

TEST(Score, UnreportedLeakIsMissed) {
  const Score s = scored({true_leak("f", 10)}, {});
  EXPECT_EQ(s.missed, 1u);
  EXPECT_FALSE(s.perfect());
}

TEST(Score, DefiniteLeakThatWasLetPassIsMissed) {
  ReportedLeak row = reported("f", 10);
  row.verdict = "below_threshold";
  const Score s = scored({true_leak("f", 10)}, {row});
  EXPECT_EQ(s.missed, 1u);
  EXPECT_EQ(s.true_positives, 0u);
}

TEST(Score, ReachableLeakMayBeLetPass) {
  TruthLeak truth = true_leak("f", 10);
  truth.kind = "still_reachable";
  ReportedLeak row = reported("f", 10);
  row.kind = "still_reachable";
  row.verdict = "allowed";
  EXPECT_TRUE(scored({truth}, {row}).perfect());
}

TEST(Score, AlarmWithoutTruthIsFalse) {
  const Score s = scored({}, {reported("f", 10)});
  EXPECT_EQ(s.false_positives, 1u);
  EXPECT_EQ(s.bytes_reported, 40u);
}

TEST(Score, SuppressedLeakWithoutTruthIsNoAlarm) {
  ReportedLeak row = reported("f", 10);
  row.verdict = "suppressed";
  EXPECT_TRUE(scored({}, {row}).perfect());
}

TEST(Score, WrongBytesAreCounted) {
  ReportedLeak row = reported("f", 10);
  row.bytes = 48;
  const Score s = scored({true_leak("f", 10)}, {row});
  EXPECT_EQ(s.wrong_bytes, 1u);
  EXPECT_EQ(s.true_positives, 1u);
  EXPECT_FALSE(s.perfect());
}

TEST(Score, WrongBlocksAreWrongBytesToo) {
  ReportedLeak row = reported("f", 10);
  row.blocks = 1;
  EXPECT_EQ(scored({true_leak("f", 10)}, {row}).wrong_bytes, 1u);
}

TEST(Score, RowsOfOneSiteAreAddedUp) {
  ReportedLeak half = reported("f", 10);
  half.blocks = 1;
  half.bytes = 20;
  EXPECT_TRUE(scored({true_leak("f", 10)}, {half, half}).perfect());
}

TEST(Score, OtherTestIsWrongTestAndNoFalseAlarm) {
  const Score s = scored({true_leak("f", 10, "S.a")}, {reported("f", 10, "S.b")});
  EXPECT_EQ(s.wrong_test, 1u);
  EXPECT_EQ(s.false_positives, 0u);
  EXPECT_EQ(s.missed, 0u);
}

TEST(Score, SameSiteInTwoTestsIsToldApart) {
  EXPECT_TRUE(scored({true_leak("f", 10, "S.a"), true_leak("f", 10, "S.b")},
                     {reported("f", 10, "S.b"), reported("f", 10, "S.a")})
                  .perfect());
}

TEST(Score, ChargedTwiceToOneTestIsNotRightForTheOther) {
  const Score s = scored({true_leak("f", 10, "S.a"), true_leak("f", 10, "S.b")},
                         {reported("f", 10, "S.a"), reported("f", 10, "S.a")});
  EXPECT_FALSE(s.perfect());
  EXPECT_EQ(s.missed, 1u);
  EXPECT_EQ(s.wrong_bytes, 1u);
}

TEST(Score, TruthWithoutTestTakesAnyTest) {
  TruthLeak truth = true_leak("f", 10);
  truth.test.reset();
  EXPECT_TRUE(scored({truth}, {reported("f", 10, "leakgate-sim")}).perfect());
}

TEST(Score, OtherLineWithEqualFiguresIsWrongSite) {
  const Score s = scored({true_leak("f", 10)}, {reported("f", 11)});
  EXPECT_EQ(s.wrong_site, 1u);
  EXPECT_EQ(s.false_positives, 0u);
}

TEST(Score, OtherLineWithOtherFiguresIsMissedAndFalse) {
  ReportedLeak row = reported("g", 99);
  row.bytes = 1;
  const Score s = scored({true_leak("f", 10)}, {row});
  EXPECT_EQ(s.missed, 1u);
  EXPECT_EQ(s.false_positives, 1u);
}

TEST(Score, SiteNamedByTheReportDecides) {
  ReportedLeak row = reported("f", 10);
  row.site = 2;
  EXPECT_EQ(scored({true_leak("f", 10)}, {row}).wrong_site, 1u);
  row.site = 1;
  EXPECT_TRUE(scored({true_leak("f", 10)}, {row}).perfect());
  row.site = 99;
  EXPECT_EQ(scored({true_leak("f", 10)}, {row}).wrong_site, 1u);
}

TEST(Score, ParentInsteadOfChildIsWrongProcess) {
  TruthLeak truth = true_leak("f", 10);
  truth.child = true;
  const Score s = scored({truth}, {reported("f", 10)});
  EXPECT_EQ(s.wrong_process, 1u);
}

TEST(Score, WrongKindIsCountedAndUnclassifiedIsNot) {
  ReportedLeak row = reported("f", 10);
  row.kind = "possibly_lost";
  EXPECT_EQ(scored({true_leak("f", 10)}, {row}).wrong_kind, 1u);
  row.kind = "unclassified";
  EXPECT_TRUE(scored({true_leak("f", 10)}, {row}).perfect());
}

TEST(Score, CycleMembersMayBeDefiniteOrIndirect) {
  TruthLeak truth = true_leak("f", 10);
  truth.cycle = true;
  ReportedLeak first = reported("f", 10);
  first.blocks = 1;
  first.bytes = 20;
  ReportedLeak second = first;
  second.kind = "indirectly_lost";
  EXPECT_TRUE(scored({truth}, {first, second}).perfect());
  second.kind = "still_reachable";
  EXPECT_EQ(scored({truth}, {first, second}).wrong_kind, 1u);
}

TEST(Score, FunctionNamesAreComparedWithoutScopeAndArguments) {
  EXPECT_TRUE(same_function("new_block", "new_block"));
  EXPECT_TRUE(same_function("a::(anonymous namespace)::new_block(a::Site&, unsigned long)", "new_block"));
  EXPECT_TRUE(same_function("std::shared_ptr<a::B> a::make<int, a::C>(int)", "make"));
  EXPECT_TRUE(same_function("a::Fn::operator()(int) const", "operator()"));
  EXPECT_FALSE(same_function("a::new_block::inner()", "new_block"));
  EXPECT_FALSE(same_function("renew_block", "new_block"));
  EXPECT_FALSE(same_function("", "new_block"));
}

TEST(Score, FilesMatchFromADirectoryBorderOn) {
  EXPECT_TRUE(same_file("/a/b/c.cpp", "b/c.cpp"));
  EXPECT_TRUE(same_file("c.cpp", "/a/b/c.cpp"));
  EXPECT_FALSE(same_file("/a/b/xc.cpp", "c.cpp"));
  EXPECT_FALSE(same_file("/a/b/c.cpp", ""));
}

constexpr char kResult[] = R"({"schema":"leakgate-result/1","run":{"complete":true},
  "processes":[{"pid":5,"parent":1,"exe":"/bin/sh"},{"pid":6,"parent":5,"exe":"/b/sim"},{"pid":7,"parent":6,"exe":"/b/sim"}],
  "leaks":[{"id":"leak-1","test":"t","process":6,"kind":"unclassified","verdict":"fail","bytes":8,"blocks":1,
            "stack":[{"function":"f","file":"a.cpp","line":4}]},
           {"id":"leak-2","test":"t","process":7,"kind":"unclassified","verdict":"fail","bytes":9,"blocks":1,"stack":[]}],
  "summary":{"verdict":"fail"}})";

TEST(Score, ReadsAResultAndTellsChildrenFromTheirParent) {
  const Result<ReportedResult> result = parse_result(kResult);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->complete);
  EXPECT_EQ(result->verdict, "fail");
  ASSERT_EQ(result->leaks.size(), 2u);
  EXPECT_FALSE(result->leaks[0].child);  // Started by a shell, not by itself.
  EXPECT_TRUE(result->leaks[1].child);
  EXPECT_EQ(result->leaks[0].stack.at(0).line, 4u);
}

TEST(Score, RefusesWhatIsNoResult) {
  EXPECT_FALSE(parse_result("").has_value());
  EXPECT_FALSE(parse_result("[1,2").has_value());
  EXPECT_FALSE(parse_result(R"({"schema":"leakgate-result/2","leaks":[]})").has_value());
  EXPECT_FALSE(parse_result(R"({"schema":"leakgate-result/1","leaks":7})").has_value());
  EXPECT_TRUE(
      parse_result(R"({"schema":"leakgate-result/1","leaks":[7,{"stack":[null],"bytes":-3}]})").has_value());
}

TEST(Score, JsonCarriesTheCounts) {
  const std::string json = score_to_json(scored({true_leak("f", 10)}, {}));
  EXPECT_THAT(json, testing::HasSubstr("\"schema\": \"leakgate-score/1\""));
  EXPECT_THAT(json, testing::HasSubstr("\"missed\": 1"));
  EXPECT_THAT(json, testing::HasSubstr("\"perfect\": false"));
}

}  // namespace
}  // namespace leakgate::simulator

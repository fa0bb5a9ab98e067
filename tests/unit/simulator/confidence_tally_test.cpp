// SPDX-License-Identifier: Apache-2.0
// Brier score, reliability, and the labels they are taken over.
#include "simulator/calibrate/confidence_tally.h"

#include <gtest/gtest.h>

namespace leakgate::simulator {
namespace {

const FindingLabel kLeak{"basic", true};
const FindingLabel kNone{"basic", false};

TEST(ConfidenceTally, BrierIsTheMeanSquareOfWhatIsWrong) {
  ConfidenceTally tally;
  tally.add(0.9, kLeak);
  tally.add(0.5, kNone);
  EXPECT_DOUBLE_EQ(tally.brier(), (0.01 + 0.25) / 2);
  EXPECT_EQ(tally.leaks, 1u);
}

TEST(ConfidenceTally, PutsFindingsIntoTenths) {
  ConfidenceTally tally;
  tally.add(0.95, kLeak);
  tally.add(0.999, kNone);
  tally.add(0.05, kNone);
  EXPECT_EQ(tally.bins[9].findings, 2u);
  EXPECT_EQ(tally.bins[9].leaks, 1u);
  EXPECT_EQ(tally.bins[0].findings, 1u);
  EXPECT_DOUBLE_EQ(tally.bins[9].sum, 0.95 + 0.999);
}

TEST(ConfidenceTally, WhatIsNoFindingDoesNotCount) {
  ConfidenceTally tally;
  tally.add(0, kNone);
  tally.add(0.9, std::nullopt);
  EXPECT_EQ(tally.findings, 0u);
  EXPECT_EQ(tally.brier(), 0);
}

ReportedLeak at(const std::string& test, const std::string& function, const std::string& kind) {
  ReportedLeak leak;
  leak.test = test;
  leak.kind = kind;
  leak.stack = {{function, "a.cpp", 7}};
  return leak;
}

Truth truth_of(const std::string& kind) {
  Truth truth;
  TruthLeak leak;
  leak.kind = kind;
  leak.function = "f";
  leak.file = "a.cpp";
  leak.line = 7;
  truth.leaks.push_back(leak);
  return truth;
}

TEST(Labels, ALeakIsWhatTheTruthHas) {
  const Truth truth = truth_of("definitely_lost");
  EXPECT_TRUE(label_in_scenario(at("", "f", "definitely_lost"), truth, "plain_new")->leak);
  EXPECT_FALSE(label_in_scenario(at("", "g", "definitely_lost"), truth, "plain_new")->leak);
  EXPECT_FALSE(label_in_scenario(at("", "f", "still_reachable"), truth, "plain_new")->leak);
  EXPECT_FALSE(label_in_scenario(at("", "f", "definitely_lost"), truth, "no_such_scenario").has_value());
}

TEST(Labels, WhatIsInUseToTheEndIsNone) {
  EXPECT_FALSE(
      label_in_scenario(at("", "f", "still_reachable"), truth_of("still_reachable"), "lazy_static")->leak);
}

TEST(Labels, CasesOfGrowthAreLeaksWhereTheyGrow) {
  EXPECT_TRUE(label_in_tests(at("Growth.grows_answer_cache", "answer", "still_reachable"), {})->leak);
  EXPECT_FALSE(label_in_tests(at("Growth.grows_answer_cache", "other", "still_reachable"), {})->leak);
  EXPECT_FALSE(label_in_tests(at("Growth.settles_answer_cache", "answer", "still_reachable"), {})->leak);
  EXPECT_EQ(
      label_in_tests(at("LookAlike.settles_intrusive_list", "open_session", "possibly_lost"), {})->family,
      "interior");
  EXPECT_FALSE(label_in_tests(at("(outside tests)", "f", "still_reachable"), {}).has_value());
}

}  // namespace
}  // namespace leakgate::simulator

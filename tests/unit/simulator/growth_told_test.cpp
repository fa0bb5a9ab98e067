// SPDX-License-Identifier: Apache-2.0
// What counts as growth told, and that the cases do what they say.
#include "simulator/calibrate/growth_told.h"

#include <gmock/gmock.h>

#include <set>

namespace leakgate::simulator {
namespace {

ReportedLeak alarm(const std::string& test, const std::string& function) {
  ReportedLeak leak;
  leak.test = test;
  leak.verdict = "fail";
  leak.stack = {{"operator new[](unsigned long)", "", 0}, {function, "", 0}};
  return leak;
}

/// A result that is right in all cases.
ReportedResult right() {
  ReportedResult result;
  result.complete = true;
  for (const GrowthCase& growth : growth_cases())
    result.leaks.push_back(alarm(std::string("Growth.grows_") + growth.name, growth.function));
  return result;
}

double share_right(const ReportedResult& result) {
  GrowthTally tally;
  tally.add(result, 1);
  EXPECT_EQ(tally.rows.size(), 2 * growth_cases().size());
  return tally.told.value();
}

TEST(GrowthTold, AllRightIsAll) {
  EXPECT_EQ(share_right(right()), 1);
}

TEST(GrowthTold, WhatIsMissedIsWrong) {
  ReportedResult result = right();
  result.leaks.front().verdict = "allowed";
  EXPECT_LT(share_right(result), 1);
}

TEST(GrowthTold, AnAlarmOnWhatSettlesIsWrong) {
  ReportedResult result = right();
  result.leaks.push_back(alarm("Growth.settles_answer_cache", "answer"));
  GrowthTally tally;
  tally.add(result, 7);
  EXPECT_EQ(tally.growing.value(), 1);
  EXPECT_LT(tally.settled.value(), 1);
  EXPECT_THAT(tally.rows[1].faults, testing::ElementsAre(testing::StartsWith("seed 7: told as growth")));
}

TEST(GrowthTold, AnotherSiteIsWrong) {
  ReportedResult result = right();
  result.leaks.front().stack[1].function = "somewhere_else";
  EXPECT_LT(share_right(result), 1);
}

TEST(GrowthTold, AnIncompleteTraceTellsNothing) {
  ReportedResult result = right();
  result.complete = false;
  EXPECT_EQ(share_right(result), 0);
}

TEST(GrowthCases, HaveNamesOfTheirOwnAndSeedsOfTheirOwn) {
  std::set<std::string> names;
  std::set<std::string> families;
  for (const GrowthCase& growth : growth_cases()) {
    names.insert(growth.name);
    families.insert(growth.family);
  }
  EXPECT_EQ(names.size(), growth_cases().size());
  EXPECT_EQ(families.size(), kGrowthFamilies);
  std::set<std::uint32_t> counts;
  for (std::uint64_t seed = 1; seed < 100; ++seed) {
    const Repetition first(true, 0, seed, 3);
    EXPECT_EQ(first.count(), Repetition(true, 4, seed, 3).count()) << "the same in each round";
    counts.insert(first.count());
  }
  EXPECT_EQ(counts.size(), 12u);
}

}  // namespace
}  // namespace leakgate::simulator

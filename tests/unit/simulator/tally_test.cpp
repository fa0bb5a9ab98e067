// SPDX-License-Identifier: Apache-2.0
// Rates, their intervals, and the parts of a batch's result.
#include "simulator/calibrate/tally.h"

#include <gtest/gtest.h>

#include "simulator/calibrate/batch.h"

namespace leakgate::simulator {
namespace {

TEST(Wilson, IsTheKnownInterval) {
  // Newcombe 1998, table I, method 3: 81 of 263 and 15 of 148
  const Interval many = wilson({81, 263});
  EXPECT_NEAR(many.low, 0.2553, 5e-5);
  EXPECT_NEAR(many.high, 0.3662, 5e-5);
  const Interval fewer = wilson({15, 148});
  EXPECT_NEAR(fewer.low, 0.0624, 5e-5);
  EXPECT_NEAR(fewer.high, 0.1605, 5e-5);
}

TEST(Wilson, StaysInsideAtTheEnds) {
  EXPECT_EQ(wilson({0, 20}).low, 0);
  EXPECT_NEAR(wilson({0, 20}).high, 0.1611, 5e-5);
  EXPECT_EQ(wilson({20, 20}).high, 1);
  EXPECT_EQ(wilson({0, 0}).low, 0);
  EXPECT_EQ(wilson({0, 0}).high, 1);
}

GroupScore group(const std::string& kind, bool found, std::uint64_t bytes) {
  GroupScore made;
  made.kind = kind;
  made.must_fail = kind != "still_reachable";
  made.found = found;
  made.right_bytes = made.right_test = made.right_site = made.right_process = made.right_kind = found;
  made.bytes = bytes;
  return made;
}

TEST(Tally, CountsWhatMustFailByKindAndSize) {
  Score score;
  score.complete = true;
  score.groups = {group("definitely_lost", true, 2000), group("definitely_lost", false, 10),
                  group("still_reachable", false, 5000)};
  Tally tally;
  tally.add("plain", "a", "basic", true, false, score);
  EXPECT_EQ(tally.found.hits, 1u);
  EXPECT_EQ(tally.found.of, 2u);
  EXPECT_EQ(tally.found_1k.of, 1u);
  EXPECT_EQ(tally.by_kind["still_reachable"].of, 1u);
  EXPECT_EQ(tally.right_test.of, 0u);
  EXPECT_EQ(tally.right_site.of, 1u);
}

TEST(Tally, CleanTwinsWithAlarmsAreFalsePositives) {
  Score quiet;
  quiet.complete = true;
  Score loud = quiet;
  loud.false_positives = 3;
  Tally tally;
  tally.add("plain", "a", "basic", false, false, quiet);
  tally.add("plain", "a", "basic", false, false, loud);
  EXPECT_EQ(tally.alarmed.hits, 1u);
  EXPECT_EQ(tally.alarmed.of, 2u);
  EXPECT_EQ(tally.false_alarms, 3u);
  ASSERT_EQ(tally.rows.size(), 1u);
  EXPECT_EQ(tally.rows[0].runs, 2u);
}

TEST(Tally, IncompleteTracesAreCounted) {
  Tally tally;
  tally.add("plain", "a", "basic", true, false, Score());
  EXPECT_EQ(tally.incomplete, 1u);
}

TEST(Batch, PartsAreAProcessAndThoseItForked) {
  ReportedResult whole;
  whole.complete = true;
  whole.parents = {{10, 1}, {11, 10}, {12, 11}, {20, 10}};
  for (const std::int64_t pid : {11, 12, 20}) {
    whole.leaks.emplace_back();
    whole.leaks.back().process = pid;
  }
  const ReportedResult part = part_of(whole, 11);
  ASSERT_EQ(part.leaks.size(), 2u);
  EXPECT_FALSE(part.leaks[0].child);
  EXPECT_TRUE(part.leaks[1].child);
  EXPECT_TRUE(part.complete);
}

}  // namespace
}  // namespace leakgate::simulator

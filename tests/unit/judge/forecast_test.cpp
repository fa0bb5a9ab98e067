// SPDX-License-Identifier: Apache-2.0
// Made-up series whose future is known.
#include "harness/judge/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "harness/judge/judge.h"
#include "harness/report/wording.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::GrowthPattern;
using Added = std::vector<std::uint64_t>;

TEST(Forecast, EvenGrowthIsCertain) {
  const Added added{5000, 100, 100, 100, 100};
  const auto told = forecast({GrowthPattern::linear, added, 6000, 0.5}, 10000);
  ASSERT_TRUE(told);
  EXPECT_DOUBLE_EQ(told->rounds.expected, 40) << "the first round does not count";
  EXPECT_DOUBLE_EQ(told->rounds.low, 40);
  EXPECT_DOUBLE_EQ(told->rounds.high.value(), 40);
  EXPECT_DOUBLE_EQ(told->seconds.expected, 20);
  EXPECT_EQ(told->held_bytes, 6000u);
}

TEST(Forecast, UnevenGrowthHasAnInterval) {
  const Added added{100, 80, 120, 90, 110};
  const auto told = forecast({GrowthPattern::linear, added, 0, 1}, 1000);
  ASSERT_TRUE(told);
  EXPECT_DOUBLE_EQ(told->rounds.expected, 10);
  const double half = 3.182 * std::sqrt(1000.0 / 3 / 4);  // Student's t for three degrees of freedom
  EXPECT_NEAR(told->rounds.low, 1000 / (100 + half), 1e-9);
  EXPECT_NEAR(told->rounds.high.value(), 1000 / (100 - half), 1e-9);
}

TEST(Forecast, WhatMayBeNoGrowthMayNeverGetThere) {
  const Added added{0, 0, 300, 0, 10, 0, 290};
  const auto told = forecast({GrowthPattern::stepped, added, 0, 1}, 1000);
  ASSERT_TRUE(told);
  EXPECT_FALSE(told->rounds.high.has_value());
  EXPECT_LT(told->rounds.low, told->rounds.expected);
}

TEST(Forecast, DoublingIsFollowed) {
  const Added added{16, 32, 64, 128, 256};
  // the next rounds add 512, 1024 and 2048
  const auto told = forecast({GrowthPattern::exponential, added, 1000, 1}, 1000 + 512 + 1024 + 2048);
  ASSERT_TRUE(told);
  EXPECT_NEAR(told->rounds.expected, 3, 1e-9);
  EXPECT_NEAR(told->rounds.low, 3, 1e-6);
  EXPECT_NEAR(told->rounds.high.value(), 3, 1e-6);
}

TEST(Forecast, OfWhatDoesNotGrowThereIsNone) {
  const Added added{100, 0, 0, 0, 0};
  for (const auto pattern : {GrowthPattern::one_time, GrowthPattern::undecided, GrowthPattern::replaced})
    EXPECT_FALSE(forecast({pattern, added, 0, 1}, 1000).has_value());
  EXPECT_FALSE(forecast({GrowthPattern::linear, Added{100, 100, 100}, 0, 1}, 1000).has_value());
}

TEST(Forecast, ALimitThatIsReachedNeedsNoRounds) {
  const Added added{100, 100, 100, 100};
  EXPECT_DOUBLE_EQ(forecast({GrowthPattern::linear, added, 2000, 1}, 1000)->rounds.expected, 0);
}

/// How often, of a thousand series, the interval holds the rounds that growth of that mean takes.
double coverage(std::size_t rounds) {
  std::mt19937 random(7);
  std::normal_distribution<double> added_bytes(1000, 200);
  int inside = 0;
  for (int series = 0; series < 1000; ++series) {
    Added added;
    for (std::size_t round = 0; round < rounds; ++round)
      added.push_back(static_cast<std::uint64_t>(std::max(1.0, added_bytes(random))));
    const auto told = forecast({GrowthPattern::linear, added, 0, 1}, 1'000'000);
    inside += told->rounds.low <= 1000 && (!told->rounds.high || 1000 <= *told->rounds.high) ? 1 : 0;
  }
  return inside / 1000.0;
}

TEST(Forecast, ItsIntervalHoldsNinetyFiveTimesInAHundred) {
  EXPECT_NEAR(coverage(5), 0.95, 0.025);
  EXPECT_NEAR(coverage(20), 0.95, 0.025);
}

TEST(Forecast, IsToldOfWhatGrowsAlone) {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  const auto site = builder.stack(test::with_gtest_below({{"remember", "/home/dev/app/src/list.cpp", 12}}));
  for (int round = 0; round < 5; ++round) {
    builder.leak(builder.test(process, "List.Adds"), site, 100, 1);
    builder.recording.blocks.back().kind = model::Kind::still_reachable;
  }
  EXPECT_FALSE(judge(builder.recording, {}).leaks.back().growth->forecast.has_value())
      << "no limit, no forecast";
  Policy policy;
  policy.memory_limit_bytes = 1500;
  const auto verdict = judge(builder.recording, policy);
  const auto& told = verdict.leaks.back().growth->forecast;
  ASSERT_TRUE(told);
  EXPECT_EQ(told->held_bytes, 500u);
  EXPECT_DOUBLE_EQ(told->rounds.expected, 10);
  EXPECT_NEAR(told->seconds.expected, 0.015, 1e-9);
  EXPECT_EQ(report::growth_sentence(verdict.leaks.back()),
            "linear growth: 5 of 5 rounds added to it, 100 bytes a round; by it alone 1500 bytes are reached "
            "after 10 more rounds, 0.015 s of this test");
}

}  // namespace
}  // namespace leakgate::judge

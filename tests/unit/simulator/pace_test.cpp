// SPDX-License-Identifier: Apache-2.0
// Rates, growths and durations as people write them, and a run that keeps to them.
#include "simulator/pace.h"

#include <gtest/gtest.h>

#include "simulator/truth_file.h"

namespace leakgate::simulator {
namespace {

TEST(Pace, ReadsRates) {
  EXPECT_DOUBLE_EQ(*parse_rate("10/s"), 10);
  EXPECT_DOUBLE_EQ(*parse_rate("10"), 10);
  EXPECT_DOUBLE_EQ(*parse_rate("30/m"), 0.5);
  for (const char* bad : {"", "x", "-1/s", "0", "10/w", "10 /s"})
    EXPECT_FALSE(parse_rate(bad)) << bad;
}

TEST(Pace, ReadsGrowths) {
  EXPECT_DOUBLE_EQ(*parse_growth("1MB/s"), 1e6);
  EXPECT_DOUBLE_EQ(*parse_growth("64KiB/s"), 65536);
  EXPECT_DOUBLE_EQ(*parse_growth("2k"), 2000);
  EXPECT_DOUBLE_EQ(*parse_growth("500B/s"), 500);
  for (const char* bad : {"", "MB/s", "1XB/s", "1iB/s", "nan"})
    EXPECT_FALSE(parse_growth(bad)) << bad;
}

TEST(Pace, ReadsDurations) {
  EXPECT_EQ(parse_duration("500ms")->count(), 500);
  EXPECT_EQ(parse_duration("2m")->count(), 120000);
  EXPECT_EQ(parse_duration("30")->count(), 30000);
  EXPECT_FALSE(parse_duration("30 days"));
}

TEST(Pace, SizeComesFromGrowthAndRate) {
  const Scenario& scenario = *find_scenario("plain_new");
  const Parameters used = paced_parameters(scenario, {}, {.rounds_per_s = 10, .bytes_per_s = 1e6});
  EXPECT_EQ(used.size, 100000u);
  EXPECT_EQ(used.count, 1u);
  EXPECT_EQ(paced_parameters(scenario, {}, {}).count, scenario.defaults.count);
}

TEST(Pace, RunsForItsDurationAtItsRate) {
  const Scenario& scenario = *find_scenario("plain_new");
  const Pace pace{.rounds_per_s = 100, .duration = std::chrono::milliseconds(200)};
  TruthLog* log = TruthLog::create();
  simulator::Run run(*log, Twin::leaking, paced_parameters(scenario, {}, pace));
  const auto started = std::chrono::steady_clock::now();
  execute_paced(scenario, run, pace);
  EXPECT_GE(std::chrono::steady_clock::now() - started, pace.duration);
  EXPECT_EQ(truth_from_log(*log, "plain_new", "leaking", 1)->total_blocks(), 20u);
}

}  // namespace
}  // namespace leakgate::simulator

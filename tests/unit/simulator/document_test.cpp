// SPDX-License-Identifier: Apache-2.0
// The forms of a calibration: JSON by its schema, with and without what may be missing; goals that are
// missed.
#include "simulator/calibrate/document.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/report/schema_check.h"

namespace leakgate::simulator {
namespace {

using nlohmann::json;

Calibration sample() {
  Calibration calibration;
  calibration.quick = true;
  calibration.started = "2026-11-21T15:00:00Z";
  calibration.machine.kernel = "Linux 6.18";
  calibration.machine.leakgate = "leakgate 0.1.0";
  Score score;
  score.complete = true;
  score.faults = {"missed: \"f\" | g"};
  score.groups.emplace_back();
  score.groups.back().kind = "definitely_lost";
  score.groups.back().must_fail = true;
  calibration.tally.add("gtest", "plain_new", "basic", true, true, score);
  calibration.peers.push_back({"Valgrind", "3.19", {1, 2}, {0, 2}, 900});
  return calibration;
}

json schema() {
  std::ifstream file(LEAKGATE_SCHEMA_DIR "/leakgate-calibration-1.schema.json");
  return json::parse(file);
}

TEST(CalibrationDocument, KeepsToItsSchema) {
  Calibration calibration = sample();
  EXPECT_THAT(test::schema_errors(schema(), json::parse(calibration_json(calibration))), testing::IsEmpty());
  calibration.cost.floor_ns = 1700;
  calibration.cost.preload_ns = 170;
  EXPECT_THAT(test::schema_errors(schema(), json::parse(calibration_json(calibration))), testing::IsEmpty());
}

TEST(CalibrationDocument, TellsWhatWasNotMeasuredFromWhatIsZero) {
  const json document = json::parse(calibration_json(sample()));
  EXPECT_EQ(document["rates"]["true_positive"], 0);
  EXPECT_TRUE(document["rates"]["right_site"].is_null());  // nothing was found, so nothing could be right
  EXPECT_TRUE(document["cost"]["floor_ns_per_pair"].is_null());
}

TEST(CalibrationDocument, TellsWhatThePreloadBackendSaves) {
  Calibration calibration = sample();
  calibration.cost.traced_ns = 2000;
  EXPECT_THAT(calibration_table(calibration), testing::Not(testing::HasSubstr("preload")));
  calibration.cost.preload_ns = 200;
  EXPECT_THAT(calibration_table(calibration),
              testing::HasSubstr("with --backend preload: 200 ns, which saves 1.80 s of each million pairs"));
  calibration.cost.preload_ns = 1990;
  EXPECT_THAT(calibration_table(calibration), testing::Not(testing::HasSubstr("saves")));
}

TEST(CalibrationDocument, NamesFaultsAndMissedGoals) {
  const std::string table = calibration_table(sample());
  EXPECT_THAT(table, testing::HasSubstr("missed: \"f\" | g"));
  EXPECT_THAT(table, testing::HasSubstr("MISSED"));
  EXPECT_THAT(accuracy_card(sample()), testing::HasSubstr("**missed**"));
  EXPECT_THAT(accuracy_card(sample()), testing::HasSubstr("Valgrind 3.19"));
}

TEST(CalibrationGoals, NothingMeasuredReachesNothing) {
  const std::vector<Goal> goals = goals_of(Calibration{});
  ASSERT_GE(goals.size(), 2u);
  EXPECT_FALSE(goals[0].reached);  // leaks found
  EXPECT_FALSE(goals[1].reached);  // clean twins
}

TEST(CalibrationGoals, ConfidenceThatSaysNothingIsMissed) {
  const auto reached = [](double confidence) {
    Calibration calibration;
    for (int i = 0; i < 10; ++i)
      calibration.confidence.add(confidence, FindingLabel{"basic", true});
    calibration.held_out_brier = 0.06;
    std::vector<bool> result;
    for (const Goal& goal : goals_of(calibration))
      if (goal.name.starts_with("Brier")) result.push_back(goal.reached);
    return result;
  };
  EXPECT_EQ(reached(0.9), (std::vector<bool>{true, false}));
  EXPECT_EQ(reached(0.5), (std::vector<bool>{false, false}));
}

TEST(CalibrationGoals, GrowthThatIsNotToldIsMissed) {
  Calibration calibration;
  ReportedResult result;
  result.complete = true;  // and nothing in it: what settles is told right, what grows is not
  calibration.growth.add(result, 1);
  bool found = false;
  for (const Goal& goal : goals_of(calibration)) {
    if (!goal.name.starts_with("growth told")) continue;
    found = true;
    EXPECT_FALSE(goal.reached) << goal.measured;
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace leakgate::simulator

// SPDX-License-Identifier: Apache-2.0
// `leakgate calibrate --quick` as users call it: the goals are reached, the JSON keeps to its schema, the
// card tells of this machine. And a gate that misses leaks is found out.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>

#include "tests/live/support/traced.h"
#include "tests/unit/report/schema_check.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;

class Calibration : public Live {
 protected:
  ProgramResult calibrate(std::vector<std::string> options) {
    std::vector<std::string> words{leakgate_path(),          "calibrate", "--quick",           "--json",
                                   scratch_ / "result.json", "--card",    scratch_ / "card.md"};
    words.insert(words.end(), options.begin(), options.end());
    ProgramResult done = run_program(scratch_, {.argv = words, .time_limit = std::chrono::seconds(240)});
    result_ = Json::parse(read_file(scratch_ / "result.json"), nullptr, false);
    return done;
  }
  /// A gate of our own making: the real one, and then `script` on its JSON result in $result.
  std::string gate_and(const std::string& script) {
    const std::string path = scratch_ / "gate";
    write_file(
        path,
        "#!/bin/bash\nresult=$(for word; do [ \"$last\" = --json ] && echo \"$word\"; last=$word; done)\n" +
            leakgate_path() + " \"$@\"\nstatus=$?\n[ -n \"$result\" ] && " + script + "\nexit $status\n");
    ::chmod(path.c_str(), 0755);
    return path;
  }
  [[nodiscard]] double rate(const char* name) const { return result_["rates"][name].get<double>(); }
  Json result_;
};

TEST_F(Calibration, WhatCannotBeWrittenIsFoundOutBeforehand) {
  for (const char* option : {"--json", "--card"}) {
    const ProgramResult done = run_program(
        scratch_, {.argv = {leakgate_path(), "calibrate", "--quick", option, scratch_ / "nowhere/figures"},
                   .time_limit = std::chrono::seconds(240)});
    EXPECT_EQ(done.status(), 125);
    EXPECT_THAT(done.err, testing::StartsWith("leakgate-sim: cannot create "))
        << "before anything is measured";
  }
}

TEST_F(Calibration, QuickSetReachesItsGoals) {
  const ProgramResult done = calibrate({});
  EXPECT_EQ(done.status(), 0) << done.out << done.err;
  const Json schema = Json::parse(read_file(LEAKGATE_SCHEMA_DIR "/leakgate-calibration-1.schema.json"));
  EXPECT_THAT(test::schema_errors(schema, result_), testing::IsEmpty());
  EXPECT_GE(rate("true_positive"), 0.995);
  EXPECT_EQ(rate("true_positive_over_1k"), 1);
  EXPECT_EQ(rate("false_positive"), 0);
  EXPECT_EQ(result_["false_alarms"], 0);
  EXPECT_EQ(rate("exact_bytes"), 1);
  EXPECT_EQ(rate("right_test"), 1);
  EXPECT_GE(rate("right_site"), 0.99);
  EXPECT_GE(rate("right_kind"), 0.99);
  EXPECT_GE(rate("growth_told"), 0.98);
  EXPECT_LE(result_["confidence"]["brier"].get<double>(), 0.05);
  EXPECT_LE(result_["confidence"]["held_out"]["brier"].get<double>(), 0.05);
  EXPECT_GE(result_["confidence"]["findings"].get<double>(), 500);
  EXPECT_GT(result_["cost"]["ns_per_pair"].get<double>(), 0);
  utsname system{};
  ::uname(&system);
  EXPECT_THAT(read_file(scratch_ / "card.md"), testing::HasSubstr(system.release));

  // every twin of every scenario, in each program
  std::map<std::string, std::size_t> twins;
  for (const Json& row : result_["scenarios"])
    if (row["family"] != "") ++twins[row["program"]];
  EXPECT_GE(twins["plain"], 120u);
  EXPECT_EQ(twins["gtest"], twins["plain"]);
  EXPECT_EQ(twins["catch2"], twins["plain"]);
  EXPECT_EQ(result_["kinds"].size(), 5u);
}

TEST_F(Calibration, SimulateReachesTheScenarios) {
  const auto simulate = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {leakgate_path(), "simulate"});
    return run_program(scratch_, {.argv = words});
  };
  const ProgramResult list = simulate({"list"});
  EXPECT_EQ(list.status(), 0) << list.err;
  EXPECT_GE(std::count(list.out.begin(), list.out.end(), '\n'), 60);
  EXPECT_THAT(simulate({"describe", "xor_list"}).out, testing::HasSubstr("xor"));
  EXPECT_EQ(simulate({"run", "no_such_scenario"}).status(), 125);
}

TEST_F(Calibration, AGateThatMissesIsFoundOut) {
  const std::string blind =
      gate_and("sed -i 's/\"verdict\": \"fail\"/\"verdict\": \"allowed\"/' \"$result\"");
  const ProgramResult done = calibrate({"--leakgate", blind});
  EXPECT_EQ(done.status(), 23) << done.out << done.err;
  EXPECT_EQ(rate("true_positive"), 0);
  EXPECT_EQ(rate("growth_told_growing"), 0);
  EXPECT_EQ(rate("growth_told_settled"), 1);
  EXPECT_THAT(done.out, testing::HasSubstr("MISSED"));
}

TEST_F(Calibration, AGateThatNamesTheWrongTestIsFoundOut) {
  const std::string confused = gate_and(
      "sed -i 's/\"test\": \"Scenario.leaking_burst\"/\"test\": \"Scenario.clean_burst\"/' \"$result\"");
  EXPECT_EQ(calibrate({"--leakgate", confused}).status(), 23);
  EXPECT_LT(rate("right_test"), 1);
  EXPECT_EQ(rate("true_positive"), 1);
}

TEST_F(Calibration, AGateThatDoesNotRunIsNoCalibration) {
  const ProgramResult done = calibrate({"--leakgate", "/bin/false"});
  EXPECT_EQ(done.status(), 125);
  EXPECT_THAT(done.err, testing::HasSubstr("the gate ended with 1"));
}

}  // namespace
}  // namespace leakgate::live

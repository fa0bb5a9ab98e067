// SPDX-License-Identifier: Apache-2.0
// The benchmark itself: its quick mode runs to the end here and writes what docs/benchmarks.md promises. No
// time is judged: machines that run tests are busy.
#include <gmock/gmock.h>

#include <set>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using Bench = Live;

TEST_F(Bench, MeasuresEveryWorkloadAndFigure) {
  ProgramRequest request;
  request.argv = {LEAKGATE_BENCH, "--quick",  "--only", "native",   "--only", "planned sites",
                  "--only",       "entries",  "--only", "leakgate", "--json", scratch_ / "cost.json",
                  "--suite",      "/bin/true"};
  const ProgramResult result = run_program(scratch_, request);
  const auto cost = nlohmann::json::parse(read_file(scratch_ / "cost.json"), nullptr, false);
  ASSERT_EQ(result.status(), 0) << result.err;
  ASSERT_TRUE(cost.is_object()) << result.out;
  EXPECT_EQ(cost["schema"], "leakgate-cost/1");
  EXPECT_TRUE(cost["problems"].empty()) << cost["problems"];
  std::set<std::string> workloads;
  for (const auto& row : cost["measurements"]) {
    EXPECT_GT(row["least"].get<double>(), 0) << row;
    EXPECT_LE(row["least"].get<double>(), row["median"].get<double>()) << row;
    EXPECT_TRUE(row["complete"].get<bool>()) << row;
    workloads.insert(row["workload"].get<std::string>());
  }
  EXPECT_EQ(workloads.size(), 11u);
  std::set<std::string> names;
  for (const auto& figure : cost["figures"]) {
    names.insert(figure["name"].get<std::string>());
    EXPECT_TRUE(figure["relation"] == "<=" || figure["relation"] == ">=") << figure;
    const bool below = figure["value"].get<double>() <= figure["target"].get<double>();
    EXPECT_EQ(figure["reached"].get<bool>(), below == (figure["relation"] == "<=")) << figure;
  }
  EXPECT_EQ(names.size(), 15u);
  ASSERT_EQ(cost["memory"].size(), 4u) << result.out;
  for (const std::size_t backend : {0u, 2u}) {
    const auto& empty = cost["memory"][backend];
    const auto& full = cost["memory"][backend + 1];
    EXPECT_EQ(empty["contender"], backend == 0 ? "leakgate, stacks" : "leakgate, preload");
    EXPECT_EQ(empty["live_blocks"], 0);
    EXPECT_EQ(full["live_blocks"], 100000);
    // what is seen there is the ledger itself: of 100,000 blocks it takes some 30 bytes each at least
    EXPECT_GT(full["kernel_bytes"].get<double>(), empty["kernel_bytes"].get<double>() + 100000 * 30.0);
  }
}

TEST_F(Bench, NamesTheWorkloadThatFails) {
  ProgramRequest request;
  request.argv = {LEAKGATE_BENCH,        "--quick", "--only",          "native", "--json",
                  scratch_ / "bad.json", "--suite", "/no/such/program"};
  const ProgramResult result = run_program(scratch_, request);
  ASSERT_EQ(result.status(), 0) << result.err;
  EXPECT_THAT(result.out, testing::HasSubstr("problem: native, test suite: status 127"));
}

}  // namespace
}  // namespace leakgate::live

// SPDX-License-Identifier: Apache-2.0
// Every scenario of the simulator, both twins, scored against its truth by the simulator's own scorer: as a
// plain program, and all together as a GoogleTest and a Catch2 binary.
#include <gmock/gmock.h>

#include "simulator/scenario.h"
#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

std::string simulator_path(std::string_view name) {
  return std::string(LEAKGATE_SIMULATOR) + "/" + std::string(name);
}

class Simulated : public Live {
 protected:
  /// Runs a command that writes its truth to the scratch directory's "truth", and has the result scored.
  Traced expect_perfect_score(std::vector<std::string> command) {
    const std::string truth = scratch_ / "truth";
    command.insert(command.end(), {"--truth", truth});
    Traced traced = trace(scratch_, {.command = std::move(command)});
    expect_whole(traced);
    const ProgramResult scored =
        run_program(scratch_, {.argv = {simulator_path("leakgate-sim"), "score", "--truth", truth, "--result",
                                        scratch_ / "result.json"}});
    EXPECT_EQ(scored.status(), 0) << scored.out << scored.err;
    return traced;
  }
};

class Scenario : public Simulated, public testing::WithParamInterface<std::string> {};

TEST_P(Scenario, LeakingTwinIsFound) {
  const Traced traced =
      expect_perfect_score({simulator_path("leakgate-sim"), "run", GetParam(), "--twin", "leaking"});
  // The benign ones hold their memory to the end without losing it.
  EXPECT_THAT(traced.program.status(), testing::AnyOf(0, 23)) << traced.program.err;
}

TEST_P(Scenario, CleanTwinPasses) {
  const Traced traced =
      expect_perfect_score({simulator_path("leakgate-sim"), "run", GetParam(), "--twin", "clean"});
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
}

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const auto family : simulator::catalogue())
    for (const simulator::Scenario& scenario : family)
      names.emplace_back(scenario.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, Scenario, testing::ValuesIn(scenario_names()),
                         [](const auto& name) { return name.param; });

TEST_F(Simulated, GoogleTestBinaryOfAllScenarios) {
  EXPECT_EQ(expect_perfect_score({simulator_path("leakgate-sim-gtest")}).program.status(), 23);
}

TEST_F(Simulated, Catch2BinaryOfAllScenarios) {
  EXPECT_EQ(expect_perfect_score({simulator_path("leakgate-sim-catch2")}).program.status(), 23);
}

}  // namespace
}  // namespace leakgate::live

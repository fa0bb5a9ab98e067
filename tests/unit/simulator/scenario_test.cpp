// SPDX-License-Identifier: Apache-2.0
// The catalogue as a whole: every scenario's leaking twin leaks, its clean twin does not, equal seeds give
// equal truth.
#include "simulator/scenario.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "simulator/scenarios/roots.h"
#include "simulator/truth_file.h"

namespace leakgate::simulator {
namespace {

Truth truth_of(const Scenario& scenario, Twin twin, Parameters parameters = {}) {
  MainFrame frame;
  main_frame = &frame;
  TruthLog* log = TruthLog::create();
  Run run(*log, twin, effective(scenario, parameters), "S.t");
  execute(scenario, run);
  finish(scenario, run);
  main_frame = nullptr;
  return *truth_from_log(*log, scenario.name, twin == Twin::leaking ? "leaking" : "clean", parameters.seed);
}

template <typename Check>
void for_each_scenario(Check check) {
  for (const auto family : catalogue()) {
    for (const Scenario& scenario : family) {
      SCOPED_TRACE(scenario.name);
      check(scenario);
    }
  }
}

TEST(Catalogue, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for_each_scenario([&](const Scenario& scenario) {
    EXPECT_TRUE(names.insert(scenario.name).second);
    EXPECT_EQ(find_scenario(scenario.name), &scenario);
  });
  EXPECT_GE(names.size(), 60u);
  EXPECT_EQ(find_scenario("no_such_scenario"), nullptr);
}

TEST(Catalogue, LeakingTwinsLeakAndCleanTwinsDoNot) {
  for_each_scenario([](const Scenario& scenario) {
    EXPECT_GT(truth_of(scenario, Twin::leaking).total_blocks(), 0u);
    EXPECT_EQ(truth_of(scenario, Twin::clean).total_blocks(), 0u);
  });
}

TEST(Catalogue, SitesAreInTheFileOfTheirScenario) {
  for_each_scenario([](const Scenario& scenario) {
    // A second run in one process may have nothing left to build once (lazy statics); the first test covers
    // that.
    for (const TruthLeak& leak : truth_of(scenario, Twin::leaking).leaks) {
      EXPECT_NE(leak.file.find("simulator/scenarios/"), std::string::npos);
      EXPECT_GT(leak.line, 0u);
      EXPECT_FALSE(leak.function.empty());
      EXPECT_EQ(leak.test.has_value(), !leak.child);
    }
  });
}

TEST(Scenario, EqualSeedsGiveEqualTruthAndOthersDoNot) {
  const Scenario& scenario = *find_scenario("plain_new");
  const Parameters one{.count = 50, .size = 400, .threads = 1, .seed = 1};
  Parameters two = one;
  two.seed = 2;
  EXPECT_EQ(truth_of(scenario, Twin::leaking, one).total_bytes(),
            truth_of(scenario, Twin::leaking, one).total_bytes());
  EXPECT_NE(truth_of(scenario, Twin::leaking, one).total_bytes(),
            truth_of(scenario, Twin::leaking, two).total_bytes());
}

TEST(Scenario, CountAndThreadsAreTaken) {
  Parameters parameters{.count = 3, .size = 0, .threads = 5, .seed = 1};
  EXPECT_EQ(truth_of(*find_scenario("second_thread"), Twin::leaking, parameters).total_blocks(), 15u);
}

TEST(Scenario, ParametersAreBounded) {
  const Scenario& scenario = *find_scenario("plain_new");
  const Parameters used =
      effective(scenario, {.count = 0xffffffffu, .size = 0xffffffffu, .threads = 9999, .seed = 1});
  EXPECT_LE(used.count, 1000000u);
  EXPECT_LE(used.size, 64u << 20);
  EXPECT_LE(used.threads, 256u);
}

TEST(SizeSequence, StaysAroundItsMean) {
  SizeSequence sizes(5, 100);
  for (int round = 0; round < 1000; ++round) {
    const std::size_t bytes = sizes.next();
    EXPECT_GE(bytes, 75u);
    EXPECT_LE(bytes, 125u);
  }
}

}  // namespace
}  // namespace leakgate::simulator

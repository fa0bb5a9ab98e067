// SPDX-License-Identifier: Apache-2.0
// leakgate-sim-growth: the cases of growth as GoogleTest tests, Growth.grows_NAME and Growth.settles_NAME, to
// be run with --gtest_repeat, and with --look-alikes those of another suite, LookAlike. --seed chooses their
// figures. What they hold they hold to the end.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <array>

#include "simulator/growth/repetition.h"

namespace leakgate::simulator {
namespace {

std::uint64_t seed = 1;
bool look_alikes = false;

class GrowthTest : public testing::Test {
 public:
  GrowthTest(const GrowthCase& growth, std::uint32_t salt, bool grows, std::uint32_t& rounds)
      : growth_(growth), salt_(salt), grows_(grows), rounds_(rounds) {}
  void TestBody() override {
    Repetition now(grows_, rounds_++, seed, salt_);
    growth_.round(now);
  }

 private:
  const GrowthCase& growth_;
  std::uint32_t salt_;
  bool grows_;
  std::uint32_t& rounds_;
};

void register_cases(const char* suite, std::span<const GrowthCase> cases, std::uint32_t salt) {
  static std::array<std::uint32_t, 128> rounds{};
  static std::size_t used = 0;
  for (const GrowthCase& growth : cases) {
    for (const bool grows : {true, false}) {
      std::uint32_t& mine = rounds[used++ % rounds.size()];
      testing::RegisterTest(suite, (std::string(grows ? "grows_" : "settles_") + growth.name).c_str(),
                            nullptr, nullptr, __FILE__, __LINE__,
                            [&growth, salt, grows, &mine]() -> testing::Test* {
                              return new GrowthTest(growth, salt, grows, mine);
                            });
    }
    ++salt;
  }
}

int parse_options(int argc, char** argv) {
  CLI::App app{"Cases of growth over repetitions, as GoogleTest tests", "leakgate-sim-growth"};
  app.add_option("--seed", seed, "seed of sizes, numbers and periods")->capture_default_str();
  app.add_flag("--look-alikes", look_alikes, "the cases in use through hidden and interior pointers as well");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 125;
  }
  return -1;
}

}  // namespace
}  // namespace leakgate::simulator

int main(int argc, char** argv) {
  using namespace leakgate::simulator;
  testing::InitGoogleTest(&argc, argv);
  if (const int status = parse_options(argc, argv); status >= 0) return status;
  register_cases("Growth", growth_cases(), 0);
  if (look_alikes) register_cases("LookAlike", look_alike_cases(), 100);
  return RUN_ALL_TESTS();
}

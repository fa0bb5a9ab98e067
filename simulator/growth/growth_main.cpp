// SPDX-License-Identifier: Apache-2.0
// leakgate-sim-growth: the cases of growth as GoogleTest tests, Growth.grows_NAME and Growth.settles_NAME, to
// be run with --gtest_repeat. --seed chooses their figures. What they hold they hold to the end.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "simulator/growth/repetition.h"

namespace leakgate::simulator {
namespace {

std::uint64_t seed = 1;

class GrowthTest : public testing::Test {
 public:
  GrowthTest(std::size_t number, bool grows) : number_(number), grows_(grows) {}
  void TestBody() override {
    static std::vector<std::uint32_t> rounds(2 * growth_cases().size());
    Repetition now(grows_, rounds[2 * number_ + (grows_ ? 1 : 0)]++, seed,
                   static_cast<std::uint32_t>(number_));
    growth_cases()[number_].round(now);
  }

 private:
  std::size_t number_;
  bool grows_;
};

int parse_options(int argc, char** argv) {
  CLI::App app{"Cases of growth over repetitions, as GoogleTest tests", "leakgate-sim-growth"};
  app.add_option("--seed", seed, "seed of sizes, numbers and periods")->capture_default_str();
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
  const auto cases = growth_cases();
  for (std::size_t i = 0; i < cases.size(); ++i)
    for (const bool grows : {true, false})
      testing::RegisterTest("Growth", (std::string(grows ? "grows_" : "settles_") + cases[i].name).c_str(),
                            nullptr, nullptr, __FILE__, __LINE__,
                            [i, grows]() -> testing::Test* { return new GrowthTest(i, grows); });
  return RUN_ALL_TESTS();
}

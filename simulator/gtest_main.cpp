// SPDX-License-Identifier: Apache-2.0
// leakgate-sim-gtest: every twin of every scenario as a GoogleTest test, Scenario.leaking_NAME and
// Scenario.clean_NAME. Late clean-up runs in the suite's tear-down. With --truth FILE the truth of the tests
// that ran names each test.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>

#include "simulator/driver.h"
#include "simulator/scenarios/roots.h"

namespace leakgate::simulator {
namespace {

/// A twin that ran and whose late clean-up is still to come.
struct Pending {
  const Scenario* scenario;
  Run run;
};

TruthLog* truth_log = nullptr;
RunOptions options;
std::deque<Pending>* pending = nullptr;

class ScenarioSuite : public testing::Test {
 public:
  static void SetUpTestSuite() { pending = new std::deque<Pending>(); }
  static void TearDownTestSuite() {
    for (Pending& each : *pending) {
      finish(*each.scenario, each.run);
    }
    delete pending;
    pending = nullptr;
  }
};

class ScenarioTest : public ScenarioSuite {
 public:
  ScenarioTest(const Scenario& scenario, Twin twin) : scenario_(scenario), twin_(twin) {}
  void TestBody() override {
    const testing::TestInfo* info = testing::UnitTest::GetInstance()->current_test_info();
    const FixedText id(std::string(info->test_suite_name()) + "." + info->name());
    simulator::Run run(*truth_log, twin_, paced_parameters(scenario_, options.parameters, options.pace),
                       id.view());
    execute_paced(scenario_, run, options.pace);
    if (scenario_.finish != nullptr) pending->push_back({&scenario_, run});
  }

 private:
  const Scenario& scenario_;
  Twin twin_;
};

void register_twin(const Scenario& scenario, Twin twin) {
  const std::string name = std::string(twin == Twin::leaking ? "leaking_" : "clean_") + scenario.name;
  testing::RegisterTest("Scenario", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                        [&scenario, twin]() -> ScenarioSuite* { return new ScenarioTest(scenario, twin); });
}

int parse_options(int argc, char** argv) {
  CLI::App app{"Leak scenarios as GoogleTest tests", "leakgate-sim-gtest"};
  add_run_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 125;
  }
  if (const Status settled = settle_pace(options); !settled) return complain(settled.error());
  return -1;
}

int run_all(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const int status = parse_options(argc, argv); status >= 0) return status;
  truth_log = TruthLog::create();
  if (truth_log == nullptr) return 125;
  for (const auto family : catalogue()) {
    for (const Scenario& scenario : family) {
      register_twin(scenario, Twin::leaking);
      register_twin(scenario, Twin::clean);
    }
  }
  const int status = RUN_ALL_TESTS();
  const leakgate::Status written =
      write_truth(*truth_log, options.truth_path, "*", "both", options.parameters.seed);
  return written ? status : complain(written.error());
}

}  // namespace
}  // namespace leakgate::simulator

int main(int argc, char** argv) {
  using namespace leakgate::simulator;
  MainFrame frame;
  main_frame = &frame;
  std::exit(run_all(argc, argv));  // so that the frame is there to the end
}

// SPDX-License-Identifier: Apache-2.0
// leakgate-sim-catch2: every twin of every scenario as a Catch2 test case, named as in the GoogleTest binary
// and tagged [leaking] or [clean] and with its family. Late clean-up runs after the last test case.
#include <unistd.h>

#include <catch2/catch_session.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/internal/catch_test_registry.hpp>
#include <catch2/internal/catch_unique_ptr.hpp>
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

std::string test_name(const Scenario& scenario, Twin twin) {
  return std::string("Scenario.") + (twin == Twin::leaking ? "leaking_" : "clean_") + scenario.name;
}

class ScenarioInvoker : public Catch::ITestInvoker {
 public:
  ScenarioInvoker(const Scenario& scenario, Twin twin) : scenario_(scenario), twin_(twin) {}
  void invoke() const override {
    const FixedText id(test_name(scenario_, twin_));
    Run run(*truth_log, twin_, paced_parameters(scenario_, options.parameters, options.pace), id.view());
    execute_paced(scenario_, run, options.pace);
    if (scenario_.finish != nullptr) pending->push_back({&scenario_, run});
    SUCCEED();
  }

 private:
  const Scenario& scenario_;
  Twin twin_;
};

void register_twin(const Scenario& scenario, Twin twin) {
  const std::string name = test_name(scenario, twin);
  const std::string tags =
      std::string(twin == Twin::leaking ? "[leaking]" : "[clean]") + "[" + scenario.family + "]";
  Catch::AutoReg(Catch::Detail::make_unique<ScenarioInvoker>(scenario, twin),
                 Catch::SourceLineInfo(__FILE__, __LINE__), Catch::StringRef(),
                 Catch::NameAndTags(Catch::StringRef(name), Catch::StringRef(tags)));
}

int apply_options(Catch::Session& session, int argc, char** argv) {
  using Catch::Clara::Opt;
  auto& seed = options.parameters.seed;
  session.cli(
      session.cli() |
      Opt(options.truth_path, "file")["--truth"]("write what was leaked here, as leakgate-truth/1") |
      Opt(options.parameters.count, "number")["--count"]("rounds; 0 is the scenario's own number") |
      Opt(options.parameters.size, "bytes")["--size"]("bytes of a typical block; 0 is the scenario's own") |
      Opt(options.parameters.threads, "number")["--threads"]("threads or children that leak") |
      Opt(options.rate, "rate")["--rate"]("rounds in a second, as in 10/s") |
      Opt(options.growth, "growth")["--growth"]("bytes in a second, as in 1MB/s") |
      Opt(options.duration, "time")["--duration"]("for how long, as in 30s") |
      Opt(seed, "number")["--seed"]("seed of the block sizes"));
  return session.applyCommandLine(argc, argv);
}

int run_session(int argc, char** argv) {
  Catch::Session session;
  for (const auto family : catalogue()) {
    for (const Scenario& scenario : family) {
      register_twin(scenario, Twin::leaking);
      register_twin(scenario, Twin::clean);
    }
  }
  if (apply_options(session, argc, argv) != 0) return 125;
  if (const Status settled = settle_pace(options); !settled) return complain(settled.error());
  return session.run();
}

int run_all(int argc, char** argv) {
  truth_log = TruthLog::create();
  if (truth_log == nullptr) return 125;
  std::deque<Pending> late;
  pending = &late;
  const int status = run_session(argc, argv);
  for (Pending& each : late) {
    finish(*each.scenario, each.run);
  }
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

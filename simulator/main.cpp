// SPDX-License-Identifier: Apache-2.0
// leakgate-sim: lists, describes and runs scenarios, and scores a leakgate result against a truth file. The
// program itself gives back every byte it takes: what is outstanding at its end is the scenario's doing
// alone.
#include <unistd.h>

#include <cstdio>

#include "simulator/calibrate/batch.h"
#include "simulator/calibrate/command.h"
#include "simulator/calibrate/pairs.h"
#include "simulator/driver.h"
#include "simulator/json_access.h"
#include "simulator/score.h"

namespace leakgate::simulator {
namespace {

struct Request {
  std::string name;
  std::string twin = "leaking";
  RunOptions run;
  bool as_json = false;
  std::string truth_path;
  std::string result_path;
  std::string score_path;
  std::string truth_directory;
  std::string batch_twin;
  std::uint64_t pairs = 100000;
  CalibrateOptions calibrate;
};

int list_scenarios(bool as_json) {
  std::string text;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto family : catalogue()) {
    for (const Scenario& scenario : family) {
      rows.push_back({{"name", scenario.name},
                      {"family", scenario.family},
                      {"leaking", scenario.leaking},
                      {"clean", scenario.clean},
                      {"defaults",
                       {{"count", scenario.defaults.count},
                        {"size", scenario.defaults.size},
                        {"threads", scenario.defaults.threads}}},
                      {"late", scenario.finish != nullptr}});
      std::string name = scenario.name;
      name.resize(30, ' ');
      std::string family_name = scenario.family;
      family_name.resize(10, ' ');
      text += name + family_name + scenario.leaking + "\n";
    }
  }
  const Status written = write_text(
      "-",
      as_json ? nlohmann::ordered_json{{"schema", "leakgate-scenarios/1"}, {"scenarios", rows}}.dump(2) + "\n"
              : text);
  return written ? 0 : complain(written.error());
}

Result<const Scenario*> named(const std::string& name) {
  const Scenario* scenario = find_scenario(name);
  if (scenario != nullptr) return scenario;
  return Error{ErrorKind::usage, "there is no scenario \"" + name + "\"", "leakgate-sim list names them all",
               0};
}

int describe_scenario(const std::string& name) {
  const Result<const Scenario*> found = named(name);
  if (!found) return complain(found.error());
  const Scenario& scenario = **found;
  std::string text = std::string(scenario.name) + " (" + scenario.family + ")\n";
  text += std::string("  leaking: ") + scenario.leaking + "\n";
  text += std::string("  clean:   ") + scenario.clean + "\n";
  text += "  defaults: --count " + std::to_string(scenario.defaults.count) + " --size " +
          std::to_string(scenario.defaults.size) + " --threads " + std::to_string(scenario.defaults.threads) +
          "\n";
  if (scenario.finish != nullptr)
    text += "  its clean-up is late: at the program's end, in a suite's tear-down\n";
  const Status written = write_text("-", text);
  return written ? 0 : complain(written.error());
}

int run_scenario(Request request) {
  if (const Status settled = settle_pace(request.run); !settled) return complain(settled.error());
  const Result<const Scenario*> found = named(request.name);
  if (!found) return complain(found.error());
  const Scenario& scenario = **found;
  TruthLog* log = TruthLog::create();
  if (log == nullptr)
    return complain(system_error(ErrorKind::internal, "no shared memory for the truth", errno));
  const Twin twin = request.twin == "clean" ? Twin::clean : Twin::leaking;
  Run run(*log, twin, paced_parameters(scenario, request.run.parameters, request.run.pace));
  execute_paced(scenario, run, request.run.pace);
  finish(scenario, run);
  const Status written =
      write_truth(*log, request.run.truth_path, scenario.name, request.twin, request.run.parameters.seed);
  return written ? 0 : complain(written.error());
}

int score_files(const Request& request) {
  const Result<std::string> truth_text = read_text(request.truth_path);
  if (!truth_text) return complain(truth_text.error());
  const Result<std::string> result_text = read_text(request.result_path);
  if (!result_text) return complain(result_text.error());
  const Result<Truth> truth = parse_truth(*truth_text);
  if (!truth) return complain(truth.error());
  const Result<ReportedResult> result = parse_result(*result_text);
  if (!result) return complain(result.error());
  const Score scored = score(*truth, *result);
  std::string text;
  for (const std::string& fault : scored.faults) {
    text += fault + "\n";
  }
  text += std::string("score: ") + (scored.perfect() ? "perfect" : "faulty") + ", " +
          std::to_string(scored.true_positives) + " found, " + std::to_string(scored.missed) + " missed, " +
          std::to_string(scored.false_positives) + " false alarms\n";
  if (!request.score_path.empty()) {
    const Status written = write_text(request.score_path, score_to_json(scored));
    if (!written) return complain(written.error());
  }
  if (request.score_path != "-") {
    const Status written = write_text("-", text);
    if (!written) return complain(written.error());
  }
  return scored.perfect() ? 0 : 1;
}

/// The subcommand's name, or nothing when CLI11 has answered itself (help, bad usage) with `status`.
std::string parse(int argc, char** argv, Request& request, int& status) {
  CLI::App app{"Leak scenarios with known truth, for leakgate", "leakgate-sim"};
  app.require_subcommand(1);
  CLI::App* list = app.add_subcommand("list", "name every scenario");
  list->add_flag("--json", request.as_json, "as JSON, with defaults");
  CLI::App* describe = app.add_subcommand("describe", "say what a scenario's twins do");
  describe->add_option("name", request.name, "scenario")->required();
  CLI::App* run = app.add_subcommand("run", "run one twin of a scenario");
  run->add_option("name", request.name, "scenario")->required();
  run->add_option("--twin", request.twin, "leaking or clean")
      ->check(CLI::IsMember({"leaking", "clean"}))
      ->capture_default_str();
  add_run_options(*run, request.run);
  CLI::App* score_command =
      app.add_subcommand("score", "compare a leakgate result with the truth; 0 when perfect, else 1");
  score_command->add_option("--truth", request.truth_path, "leakgate-truth/1 file")->required();
  score_command->add_option("--result", request.result_path, "leakgate-result/1 file")->required();
  score_command->add_option("--json", request.score_path, "write the score here (- is standard output)");
  CLI::App* batch = app.add_subcommand("batch", "run every twin as a process of its own; used by calibrate");
  batch->add_option("--truth-dir", request.truth_directory, "where the truths go")->required();
  batch->add_option("--twin", request.batch_twin, "leaking or clean ones alone")
      ->check(CLI::IsMember({"leaking", "clean"}));
  add_run_options(*batch, request.run);
  CLI::App* pairs = app.add_subcommand("pairs", "print what a malloc/free pair costs here, in nanoseconds");
  pairs->add_option("--count", request.pairs, "number of pairs")->capture_default_str();
  CLI::App* calibrate = app.add_subcommand(
      "calibrate", "measure leakgate's accuracy and cost on this machine; leakgate calibrate is it");
  add_calibrate_options(*calibrate, request.calibrate);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    status = app.exit(error) == 0 ? 0 : 125;
    return {};
  }
  return app.get_subcommands().front()->get_name();
}

int dispatch(int argc, char** argv) {
  Request request;
  int status = 0;
  const std::string command = parse(argc, argv, request, status);
  if (command == "list") return list_scenarios(request.as_json);
  if (command == "describe") return describe_scenario(request.name);
  if (command == "run") return run_scenario(request);
  if (command == "score") return score_files(request);
  if (command == "calibrate") return run_calibrate(request.calibrate);
  if (command == "batch") {
    const Status done = run_batch(request.truth_directory, request.run.parameters, request.batch_twin);
    return done ? 0 : complain(done.error());
  }
  if (command == "pairs") {
    char text[32];  // not by stdio, whose buffer would be outstanding at the end
    std::snprintf(text, sizeof text, "%.1f\n", measure_pairs(request.pairs));
    const Status written = write_text("-", text);
    return written ? 0 : complain(written.error());
  }
  return status;
}

}  // namespace
}  // namespace leakgate::simulator

int main(int argc, char** argv) {
  return leakgate::simulator::dispatch(argc, argv);
}

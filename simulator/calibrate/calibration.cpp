// SPDX-License-Identifier: Apache-2.0
// Rounds over the corpus: a batch of plain programs, and the two test binaries. See calibration.h.
#include "simulator/calibrate/calibration.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "simulator/calibrate/batch.h"
#include "simulator/calibrate/child.h"
#include "simulator/calibrate/document.h"
#include "simulator/calibrate/gate.h"
#include "simulator/truth_file.h"

namespace leakgate::simulator {
namespace {

/// One run over all scenarios. Zeros are each scenario's own figures.
struct Round {
  Parameters parameters;
  bool tests = false;      ///< in the test binaries as well
  bool optimised = false;  ///< as a release build as well
};

/// Sizes on both sides of the allocator's classes and of its mmap threshold, few and many blocks, other
/// seeds.
std::vector<Round> rounds_of(bool quick) {
  std::vector<Round> rounds = {{{0, 0, 0, 1}, true}, {{3, 4000, 2, 2}, false}};
  if (quick) return rounds;
  for (Round& round : rounds)
    round.optimised = true;
  rounds.push_back({{1, 24, 1, 3}, true});
  rounds.push_back({{60, 700, 4, 4}, true});
  rounds.push_back({{12, 20000, 2, 5}, false});
  rounds.push_back({{2, 17, 8, 6}, false});
  rounds.push_back({{7, 1500, 3, 7}, true});
  for (std::uint64_t seed = 11; seed < 16; ++seed)
    rounds.push_back({{0, 0, 0, seed}, false});
  return rounds;
}

Result<Truth> truth_in(const std::string& path) {
  const auto text = read_text(path);
  if (!text) return text.error();
  return parse_truth(*text);
}

Status run_plain(const CalibrationRequest& request, const WorkDirectory& directory, const Round& round,
                 const std::string& path, const std::string& program, Calibration& calibration) {
  const auto result =
      run_gate(request, directory,
               with_parameters({path, "batch", "--truth-dir", directory.path()}, round.parameters));
  if (!result) return result.error();
  const auto runs = read_runs(directory.path());
  if (!runs) return runs.error();
  for (const BatchRun& run : *runs) {
    const auto truth = truth_in(directory.file(run.scenario + "." + run.twin + ".json"));
    if (!truth) return truth.error();
    const Scenario* scenario = find_scenario(run.scenario);
    const ReportedResult part = part_of(*result, run.pid);
    calibration.tally.add(program, run.scenario, scenario != nullptr ? scenario->family : "",
                          run.twin == "leaking", false, score(*truth, part));
    for (const ReportedLeak& leak : part.leaks)
      calibration.confidence.add(leak.confidence, label_in_scenario(leak, *truth, run.scenario));
  }
  return {};
}

/// The part of a whole binary's score that is about one test, or about none.
Score part_of_score(const Score& whole, const std::string& test) {
  Score part;
  part.complete = whole.complete;
  for (const GroupScore& group : whole.groups) {
    if (group.test != test) continue;
    part.groups.push_back(group);
    part.bytes_true += group.bytes;
    part.true_positives += group.found ? 1 : 0;
    part.missed += group.found ? 0 : 1;
    if (!group.found) continue;
    part.wrong_bytes += group.right_bytes ? 0 : 1;
    part.wrong_test += group.right_test ? 0 : 1;
    part.wrong_site += group.right_site ? 0 : 1;
    part.wrong_process += group.right_process ? 0 : 1;
    part.wrong_kind += group.right_kind ? 0 : 1;
    part.bytes_reported += group.bytes_reported;
  }
  part.false_positives =
      static_cast<std::uint64_t>(std::count(whole.alarm_tests.begin(), whole.alarm_tests.end(), test));
  for (const std::string& fault : whole.faults)
    if (!test.empty() && fault.find(test) != std::string::npos) part.faults.push_back(fault);
  return part;
}

Status run_tests(const CalibrationRequest& request, const WorkDirectory& directory, const Round& round,
                 const std::string& framework, Calibration& calibration, std::vector<std::string>& left_out) {
  Tally& tally = calibration.tally;
  const std::string program = "leakgate-sim-" + framework;
  const std::string path = find_program(program, {"../libexec/leakgate"});
  if (path.empty()) {
    left_out.push_back(program + " is not installed: the right test was not measured with it");
    return {};
  }
  const auto result = run_gate(
      request, directory, with_parameters({path, "--truth", directory.file("truth.json")}, round.parameters));
  if (!result) return result.error();
  const auto truth = truth_in(directory.file("truth.json"));
  if (!truth) return truth.error();
  for (const ReportedLeak& leak : result->leaks)
    calibration.confidence.add(leak.confidence, label_in_tests(leak, *truth));
  const Score whole = score(*truth, *result);
  std::uint64_t alarms = 0;
  for (const auto family : catalogue()) {
    for (const Scenario& scenario : family) {
      for (const bool leaking : {true, false}) {
        const std::string test = std::string("Scenario.") + (leaking ? "leaking_" : "clean_") + scenario.name;
        const Score one = part_of_score(whole, test);
        alarms += one.false_positives;
        tally.add(framework, scenario.name, scenario.family, leaking, true, one);
      }
    }
  }
  // forked children belong to no test; neither do alarms in the framework's own code
  Score rest = part_of_score(whole, "");
  rest.false_positives = whole.false_positives - alarms;
  rest.faults = whole.faults;
  tally.add(framework, "(no test)", "", true, false, rest);
  return {};
}

/// The cases of growth, repeated in one process. The seeds are others than those that the rules were made
/// with.
Status run_growth(const CalibrationRequest& request, const WorkDirectory& directory,
                  Calibration& calibration) {
  const std::string path = find_program("leakgate-sim-growth", {"../libexec/leakgate"});
  if (path.empty()) {
    calibration.left_out.emplace_back("leakgate-sim-growth is not installed: growth was not measured");
    return {};
  }
  const std::uint64_t seeds = request.quick ? 6 : 40;
  for (std::uint64_t seed = 101; seed < 101 + seeds; ++seed) {
    const auto result =
        run_gate(request, directory, {path, "--seed", std::to_string(seed)}, {"--repeat", "5"});
    if (!result) return result.error();
    calibration.growth.add(*result, seed);
    for (const ReportedLeak& leak : result->leaks)
      calibration.confidence.add(leak.confidence, label_in_tests(leak, {}));
  }
  return {};
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string percent(const Rate& rate) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f %% (%llu of %llu)", 100 * rate.value(),
                static_cast<unsigned long long>(rate.hits), static_cast<unsigned long long>(rate.of));
  return text;
}

}  // namespace

Result<Calibration> calibrate(const CalibrationRequest& request) {
  const auto started = std::chrono::steady_clock::now();
  Calibration calibration;
  calibration.quick = request.quick;
  calibration.started = utc_now();
  calibration.machine = describe_machine(request.leakgate);
  calibration.held_out_brier = held_out_brier();
  const auto directory = WorkDirectory::make();
  if (!directory) return directory.error();
  const std::vector<Round> rounds = rounds_of(request.quick);
  for (std::size_t number = 0; number < rounds.size(); ++number) {
    request.say("round " + std::to_string(number + 1) + " of " + std::to_string(rounds.size()));
    const std::string plain = find_program("leakgate-sim", {});
    if (auto done = run_plain(request, *directory, rounds[number], plain, "plain", calibration); !done)
      return done.error();
    const std::string optimised =
        rounds[number].optimised ? find_program("leakgate-sim-optimised", {"../libexec/leakgate"}) : "";
    if (!optimised.empty())
      if (auto done = run_plain(request, *directory, rounds[number], optimised, "optimised", calibration);
          !done)
        return done.error();
    for (const char* framework : {"gtest", "catch2"}) {
      if (!rounds[number].tests) continue;
      std::vector<std::string> missing;
      if (auto done = run_tests(request, *directory, rounds[number], framework, calibration, missing); !done)
        return done.error();
      if (number == 0)
        calibration.left_out.insert(calibration.left_out.end(), missing.begin(), missing.end());
    }
  }
  request.say("growth over repetitions");
  if (auto done = run_growth(request, *directory, calibration); !done) return done.error();
  request.say("cost");
  auto cost = measure_cost(request, calibration.left_out);
  if (!cost) return cost.error();
  calibration.cost = *cost;
  if (request.peers || !request.quick) calibration.peers = measure_peers(request, calibration.left_out);
  calibration.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return calibration;
}

std::vector<Goal> goals_of(const Calibration& calibration) {
  const Tally& tally = calibration.tally;
  std::vector<Goal> goals;
  const auto at_least = [&](const std::string& name, const Rate& rate, double target,
                            const std::string& shown) {
    if (rate.of > 0) goals.push_back({name, shown, percent(rate), rate.value() >= target});
  };
  goals.push_back({"leaks found, all kinds that fail", ">= 99.5 %", percent(tally.found),
                   tally.found.of > 0 && tally.found.value() >= 0.995});
  at_least("leaks of more than 1 KiB found", tally.found_1k, 1, "100 %");
  goals.push_back({"clean twins and look-alikes with an alarm", "0", percent(tally.alarmed),
                   tally.alarmed.of > 0 && tally.alarmed.hits == 0});
  goals.push_back(
      {"false alarms, wherever", "0", std::to_string(tally.false_alarms), tally.false_alarms == 0});
  at_least("bytes and blocks exact", tally.exact, 1, "100 %");
  at_least("right test", tally.right_test, 1, "100 %");
  at_least("right process", tally.right_process, 1, "100 %");
  at_least("right site", tally.right_site, 0.99, ">= 99 %");
  at_least("right kind", tally.right_kind, 0.99, ">= 99 %");
  const auto at_most = [&](const std::string& name, double measured, double target) {
    char text[64];
    std::snprintf(text, sizeof text, "%.4f", measured);
    goals.push_back({name, "<= 0.05", text, measured <= target});
  };
  if (calibration.confidence.findings > 0)
    at_most("Brier score of the confidence, this run", calibration.confidence.brier(), 0.05);
  if (calibration.held_out_brier)
    at_most("Brier score on held-out families, when fitted", *calibration.held_out_brier, 0.05);
  at_least("growth told, of reachable memory in 5 rounds", calibration.growth.told, 0.98, ">= 98 %");
  goals.push_back({"incomplete traces", "0", std::to_string(tally.incomplete), tally.incomplete == 0});
  return goals;
}

}  // namespace leakgate::simulator

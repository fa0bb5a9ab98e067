// SPDX-License-Identifier: Apache-2.0
// See collect.h.
#include "tests/calibration/fit/collect.h"

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "harness/judge/leaks.h"
#include "harness/model/names.h"
#include "harness/model/recording_file.h"
#include "simulator/calibrate/batch.h"
#include "simulator/calibrate/child.h"
#include "simulator/calibrate/labels.h"

namespace leakgate::fit {
namespace {

using simulator::FindingLabel;
using simulator::Parameters;
using simulator::ReportedLeak;
using simulator::Truth;

/// What a run's findings are labelled by.
using LabelOf = std::function<std::optional<FindingLabel>(const ReportedLeak&, const model::Recording&)>;

ReportedLeak as_reported(const judge::Candidate& candidate, const model::Recording& recording) {
  ReportedLeak row;
  row.kind = model::name_of(candidate.leak.kind);
  row.test = recording.tests[candidate.leak.test].id;
  row.process =
      candidate.process < recording.processes.size() ? recording.processes[candidate.process].pid : -1;
  for (const auto frame : candidate.leak.stack)
    row.stack.push_back({std::string(frame.function), std::string(frame.file), frame.line});
  row.site = candidate.leak.site;
  return row;
}

/// The same findings as they look where nothing was examined.
std::vector<judge::Candidate> without_kinds(std::vector<judge::Candidate> candidates) {
  for (judge::Candidate& candidate : candidates) {
    candidate.leak.kind = model::Kind::unclassified;
    candidate.leak.cycle = false;
    candidate.leak.lost_at_end = false;
  }
  return candidates;
}

void add_findings(model::Recording recording, const LabelOf& label_of, Findings& into) {
  const auto stacks = std::make_shared<const model::StackTable>(model::StackTable{
      std::move(recording.modules), std::move(recording.frames), std::move(recording.stacks)});
  const auto candidates = judge::collect_leaks(recording, stacks).candidates;
  const auto blind = without_kinds(candidates);
  const auto seen = judge::features_of(candidates, judge::find_growth(candidates, recording), recording);
  const auto unseen = judge::features_of(blind, judge::find_growth(blind, recording), recording);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!candidates[i].kept_by.empty()) continue;  // a runtime's own: no finding
    const auto label = label_of(as_reported(candidates[i], recording), recording);
    if (!label) continue;
    into.add({label->family, std::string(model::name_of(candidates[i].leak.kind)), label->leak, 1, seen[i]});
    into.add({label->family, "unclassified", label->leak, 1, unseen[i]});
  }
}

class Collector {
 public:
  Collector(std::string leakgate, simulator::WorkDirectory directory)
      : leakgate_(std::move(leakgate)), directory_(std::move(directory)) {}

  // Twins are recorded apart: where both ran, a site that leaks in the one would be seen to free in the
  // other.
  Status batch(const std::string& program, const Parameters& parameters,
               const std::vector<std::string>& options = {}) {
    for (const char* twin : {"leaking", "clean"})
      if (auto done = batch_of(program, parameters, options, twin); !done) return done;
    return {};
  }

  Status tests(const std::string& program, const Parameters& parameters,
               const std::vector<std::string>& options) {
    const bool googletest = program == "leakgate-sim-gtest";
    for (const char* twin : {"leaking", "clean"})
      if (auto done = tests_of(
              program, parameters, options,
              googletest ? fmt::format("--gtest_filter=*.{}_*", twin) : fmt::format("Scenario.{}_*", twin));
          !done)
        return done;
    return {};
  }

  Status growth(std::uint64_t seed, const std::vector<std::string>& options) {
    for (const char* twin : {"grows", "settles"}) {
      auto recording =
          record("leakgate-sim-growth", {"--look-alikes", fmt::format("--gtest_filter=*.{}_*", twin)},
                 {0, 0, 0, seed}, options);
      if (!recording) return recording.error();
      if (auto done = add_tests(std::move(*recording), {}); !done) return done;
    }
    return {};
  }

  Collected collected;

 private:
  Status batch_of(const std::string& program, const Parameters& parameters,
                  const std::vector<std::string>& options, const char* twin) {
    auto recording =
        record(program, {"batch", "--twin", twin, "--truth-dir", directory_.path()}, parameters, options);
    if (!recording) return recording.error();
    const auto runs = simulator::read_runs(directory_.path());
    if (!runs) return runs.error();
    std::map<std::int64_t, std::pair<std::string, Truth>> by_pid;
    for (const auto& run : *runs) {
      auto truth = truth_in(run.scenario + "." + run.twin + ".json");
      if (!truth) return truth.error();
      by_pid[run.pid] = {run.scenario, std::move(*truth)};
    }
    add_findings(
        std::move(*recording),
        [&](const ReportedLeak& row, const model::Recording& in) -> std::optional<FindingLabel> {
          const auto run = by_pid.find(ancestor_in(by_pid, row.process, in));
          if (run == by_pid.end()) return std::nullopt;
          return simulator::label_in_scenario(row, run->second.second, run->second.first);
        },
        collected.findings);
    return {};
  }

  Status tests_of(const std::string& program, const Parameters& parameters,
                  const std::vector<std::string>& options, const std::string& filter) {
    auto recording = record(program, {"--truth", directory_.file("truth.json"), filter}, parameters, options);
    if (!recording) return recording.error();
    const auto truth = truth_in("truth.json");
    if (!truth) return truth.error();
    return add_tests(std::move(*recording), *truth);
  }

  template <typename Map>
  static std::int64_t ancestor_in(const Map& known, std::int64_t pid, const model::Recording& recording) {
    for (int steps = 0; known.find(pid) == known.end() && steps < 64; ++steps) {
      std::int64_t parent = -1;
      for (const model::Process& process : recording.processes)
        if (process.pid == pid) parent = process.parent_pid;
      pid = parent;
    }
    return pid;
  }

  Status add_tests(model::Recording recording, const Truth& truth) {
    add_findings(
        std::move(recording),
        [&](const ReportedLeak& row, const model::Recording&) {
          return simulator::label_in_tests(row, truth);
        },
        collected.findings);
    return {};
  }

  Result<Truth> truth_in(const std::string& name) {
    const auto text = simulator::read_text(directory_.file(name));
    if (!text) return text.error();
    return simulator::parse_truth(*text);
  }

  Result<model::Recording> record(const std::string& program, std::vector<std::string> words,
                                  const Parameters& parameters, const std::vector<std::string>& options) {
    const std::string path = simulator::find_program(
        program, {"../../../simulator", "../../libexec/leakgate", "../libexec/leakgate"});
    if (path.empty()) return Error{ErrorKind::not_found, program + " was not found", "build all targets", 0};
    words = simulator::with_parameters(words, parameters);
    std::vector<std::string> command{leakgate_, "record", "--as-root", "-o", directory_.file("run.lgrec")};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), {"--", path});
    command.insert(command.end(), words.begin(), words.end());
    collected.runs.push_back(fmt::format("{} count {} size {} threads {} seed {}", program, parameters.count,
                                         parameters.size, parameters.threads, parameters.seed));
    for (const std::string& word : words)
      if (word == "leaking" || word == "clean" || word.find("_*") != std::string::npos)
        collected.runs.back() += " " + word;
    for (const std::string& option : options)
      collected.runs.back() += " " + option;
    std::fprintf(stderr, "%s\n", collected.runs.back().c_str());
    const auto done = simulator::run_command(command);
    if (!done) return done.error();
    auto recording = model::read_recording(directory_.file("run.lgrec"));
    if (!recording) return recording;
    if (!recording->run.incomplete_reasons.empty())
      return Error{ErrorKind::target,
                   "a recording is incomplete: " + recording->run.incomplete_reasons[0].message,
                   "run it again", 0};
    collected.kernel = recording->tracer.kernel;
    return recording;
  }

  std::string leakgate_;
  simulator::WorkDirectory directory_;
};

}  // namespace

Result<Collected> collect_findings(const std::string& leakgate) {
  auto directory = simulator::WorkDirectory::make();
  if (!directory) return directory.error();
  Collector collector(leakgate, std::move(*directory));
  Status status;
  const auto then = [&](Status next) {
    if (status) status = std::move(next);
  };
  const std::vector<std::string> no_stacks{"--unwind", "none"};
  const std::vector<std::string> five{"--repeat", "5"}, ten{"--repeat", "10"};
  for (const Parameters& parameters :
       {Parameters{0, 0, 0, 21}, {3, 4000, 2, 22}, {1, 24, 1, 23}, {12, 700, 4, 24}, {0, 0, 0, 25}})
    if (status) then(collector.batch("leakgate-sim", parameters));
  for (const Parameters& parameters : {Parameters{0, 0, 0, 26}, {5, 300, 3, 27}})
    if (status) then(collector.batch("leakgate-sim-optimised", parameters));
  if (status) then(collector.batch("leakgate-sim", {4, 200, 2, 30}, no_stacks));
  if (status) then(collector.tests("leakgate-sim-gtest", {3, 300, 2, 31}, no_stacks));
  for (const Parameters& parameters : {Parameters{0, 0, 0, 28}, {2, 1000, 2, 29}}) {
    if (status) then(collector.tests("leakgate-sim-gtest", parameters, {}));
    if (status) then(collector.tests("leakgate-sim-catch2", parameters, {}));
    if (status) then(collector.tests("leakgate-sim-gtest", parameters, five));
  }
  for (std::uint64_t seed = 201; seed < 217 && status; ++seed) {
    then(collector.growth(seed, five));
    if (status && seed % 2 == 0) then(collector.growth(seed + 100, {}));
    if (status && seed % 4 == 0) then(collector.growth(seed + 200, ten));
  }
  if (!status) return status.error();
  return std::move(collector.collected);
}

}  // namespace leakgate::fit

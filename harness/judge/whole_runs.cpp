// SPDX-License-Identifier: Apache-2.0
// Arguments are known of each process, the environment of the command alone: programs that a script or ctest
// started are not known to be whole. See whole_runs.h.
#include "harness/judge/whole_runs.h"

#include <algorithm>
#include <map>

#include "harness/base/text.h"
#include "harness/judge/judge.h"
#include "harness/judge/rounds.h"
#include "harness/judge/rules.h"
#include "harness/model/test_filter.h"

namespace leakgate::judge {
namespace {

using model::Process;
using model::Recording;

constexpr std::size_t kMostArgumentBytes = 1000;  // of longer command lines the end may be missing

bool died(const Recording& recording, std::uint32_t process) {
  return process < recording.processes.size() && recording.processes[process].exit.signal.has_value();
}

/// A program whose tests all passed says so: one that said something else may have left some out.
bool ended_well(const Recording& recording, std::uint32_t process) {
  return process < recording.processes.size() && recording.processes[process].exit.code == 0;
}

bool passed(const model::Test& test, const Recording& recording) {
  return test.complete && test.outcome == model::Outcome::passed && !died(recording, test.process);
}

/// Whether `test` was run as a whole and passed.
bool is_whole(const model::Test& test, const Recording& recording) {
  return passed(test, recording) &&
         (test.process >= recording.processes.size() ||
          !model::chooses_sections(test.framework, recording.processes[test.process].args));
}

/// Whether the command's environment is that of `process`: it is the command, or a child of the same program.
bool has_commands_environment(const Process& process, const Recording& recording) {
  if (process.parent_pid == 0)
    return !process.args.empty() && !recording.run.command.empty() &&
           base_name(process.args.front()) == base_name(recording.run.command.front());
  return std::any_of(recording.processes.begin(), recording.processes.end(), [&](const Process& other) {
    return other.pid == process.parent_pid && other.pid != process.pid && other.exe == process.exe;
  });
}

bool knows_arguments(const Process& process) {
  std::size_t bytes = 0;
  for (const std::string& word : process.args)
    bytes += word.size() + 1;
  return bytes > 0 && bytes < kMostArgumentBytes;
}

class Programs {
 public:
  explicit Programs(const Recording& recording) : recording_(recording), rounds_(recording) {
    const auto& run = recording.run;
    all_parts_ = run.shard && run.shard->total == 1;
    const bool is_part = run.shard && run.shard->total > 1;
    nothing_known_ = is_part || run.tests_chosen_by != std::string();
  }

  void look_at(std::uint32_t window) {
    const model::Test& test = recording_.tests[window];
    bool& whole = whole_.try_emplace(program_file(recording_, test.process), true).first->second;
    if (!whole) return;
    const bool has_no_windows = is_whole_process(test, recording_.processes);  // a child that tests use
    if (test.outside || has_no_windows)
      whole = rounds_.shared_by(window) == 1 && !died(recording_, test.process);
    else
      whole = passed(test, recording_) && ended_well(recording_, test.process) && ran_all(test);
    if (!test.outside && !has_no_windows) with_tests_.insert(program_file(recording_, test.process));
  }

  /// None that ran no test at all: such a run was asked for none.
  [[nodiscard]] std::set<std::string> whole() const {
    std::set<std::string> names;
    for (const auto& [name, whole] : whole_)
      if (whole && !name.empty() && with_tests_.contains(name)) names.insert(name);
    return names;
  }

 private:
  /// Whether the process of `test` is known to have been asked for all of its tests.
  [[nodiscard]] bool ran_all(const model::Test& test) const {
    if (nothing_known_ || test.process >= recording_.processes.size()) return false;
    const Process& process = recording_.processes[test.process];
    return knows_arguments(process) && has_commands_environment(process, recording_) &&
           !model::may_choose_tests(test.framework, process.args, all_parts_);
  }

  const Recording& recording_;
  const Rounds rounds_;
  bool all_parts_ = false;
  bool nothing_known_ = false;
  std::map<std::string, bool> whole_;
  std::set<std::string> with_tests_;
};

}  // namespace

std::string program_file(const Recording& recording, std::uint32_t index) {
  return index < recording.processes.size() ? std::string(base_name(recording.processes[index].exe)) : "";
}

WholeRuns find_whole_runs(const Recording& recording) {
  if (!incomplete_reasons(recording).empty() || recording.run.exit.signal) return {};
  std::map<std::string_view, bool> tests;
  std::map<std::pair<std::string, std::string_view>, bool> tests_of_programs;
  Programs programs(recording);
  for (std::uint32_t i = 0; i < recording.tests.size(); ++i) {
    const model::Test& test = recording.tests[i];
    if (!is_reported(test, recording)) continue;
    programs.look_at(i);
    if (test.outside) continue;
    const bool whole = is_whole(test, recording);
    for (bool* all : {&tests.try_emplace(test.id, true).first->second,
                      &tests_of_programs.try_emplace({program_file(recording, test.process), test.id}, true)
                           .first->second})
      *all = *all && whole;
  }
  WholeRuns result{{}, {}, programs.whole()};
  for (const auto& [id, whole] : tests)
    if (whole) result.tests.insert(id);
  for (const auto& [test, whole] : tests_of_programs)
    if (whole) result.tests_of_programs.insert(test);
  return result;
}

}  // namespace leakgate::judge

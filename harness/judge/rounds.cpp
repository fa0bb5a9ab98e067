// SPDX-License-Identifier: Apache-2.0
// See rounds.h.
#include "harness/judge/rounds.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "harness/base/saturated.h"
#include "harness/base/text.h"

namespace leakgate::judge {
namespace {

Amount share_of(const Amount& all, std::uint64_t rounds) {
  if (rounds < 2 || all.blocks % rounds != 0) return all;
  return {all.bytes / rounds + (all.bytes % rounds != 0 ? 1 : 0), all.blocks / rounds};
}

std::vector<const model::Test*> tests_of(const model::Recording& recording) {
  std::vector<const model::Test*> tests;
  for (const auto& test : recording.tests)
    tests.push_back(&test);
  return tests;
}

std::vector<const model::Test*> tests_of(const model::Verdict& verdict) {
  std::vector<const model::Test*> tests;
  for (const auto& judged : verdict.tests)
    tests.push_back(&judged.test);
  return tests;
}

}  // namespace

void Amount::add(const Amount& other) {
  bytes = add_saturated(bytes, other.bytes);
  blocks = add_saturated(blocks, other.blocks);
}

bool is_whole_process(const model::Test& test, const std::vector<model::Process>& processes) {
  return !test.outside && test.framework == model::Framework::none && test.process < processes.size() &&
         test.id == base_name(processes[test.process].exe);
}

Rounds::Rounds(const model::Recording& recording, Processes processes) : Rounds(tests_of(recording)) {
  if (processes == Processes::runs) join_processes(tests_of(recording), recording.processes);
}

Rounds::Rounds(const model::Verdict& verdict, Processes processes) : Rounds(tests_of(verdict)) {
  if (processes == Processes::runs) join_processes(tests_of(verdict), verdict.processes);
}

Rounds::Rounds(const std::vector<const model::Test*>& tests)
    : series_(tests.size()), shared_by_(tests.size(), 1) {
  // Catch2 lets tests of other tags, doctest those of other suites, have the same name: their places differ
  std::map<std::tuple<std::uint32_t, std::string_view, std::string_view, std::uint32_t>, std::uint32_t>
      series;
  std::map<std::uint32_t, std::uint64_t> windows_of, most_in;  // by series, by process
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const auto next = static_cast<std::uint32_t>(series.size());
    const model::Test& test = *tests[i];
    series_[i] = series.try_emplace({test.process, test.id, test.file, test.line}, next).first->second;
    auto& most = most_in[tests[i]->process];
    most = std::max(most, ++windows_of[series_[i]]);
  }
  for (std::size_t i = 0; i < tests.size(); ++i)
    if (tests[i]->outside) shared_by_[i] = most_in[tests[i]->process];
}

void Rounds::join_processes(const std::vector<const model::Test*>& tests,
                            const std::vector<model::Process>& processes) {
  std::set<std::string_view> with_windows;  // programs
  for (const model::Test* test : tests)
    if (test->outside && test->process < processes.size()) with_windows.insert(processes[test->process].exe);
  using Arguments = std::vector<std::string>;
  using Place = std::tuple<std::string_view, std::string_view, std::uint32_t>;  // id, file, line
  std::map<std::tuple<std::string_view, Arguments, Place>, std::uint32_t> joined;
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const model::Test& test = *tests[i];
    if (test.process >= processes.size()) continue;
    const model::Process& process = processes[test.process];
    const bool is_whole = is_whole_process(test, processes);
    // a filter may have left no test that anything could be outside of
    const bool is_outside = test.outside || (is_whole && with_windows.contains(process.exe));
    const bool needs_arguments = is_whole && !is_outside;  // nothing else tells what it did
    if (needs_arguments && process.args.empty()) continue;
    const auto next = static_cast<std::uint32_t>(tests.size() + joined.size());
    const Place place = is_outside ? Place() : Place(test.id, test.file, test.line);
    series_[i] = joined.try_emplace({process.exe, needs_arguments ? process.args : Arguments(), place}, next)
                     .first->second;
  }
}

Amount RunAmount::total(const Rounds& rounds) const {
  std::map<std::uint32_t, Amount> largest;  // by series
  for (const auto& [window, amount] : by_window_) {
    const Amount one = share_of(amount, rounds.shared_by(window));
    Amount& most = largest[rounds.series_of(window)];
    most = {std::max(most.bytes, one.bytes), std::max(most.blocks, one.blocks)};
  }
  Amount sum;
  for (const auto& [series, amount] : largest)
    sum.add(amount);
  return sum;
}

}  // namespace leakgate::judge

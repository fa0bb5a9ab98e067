// SPDX-License-Identifier: Apache-2.0
// Roles of processes, tests from windows, and the pseudo tests for what happened outside.
#include "harness/attribute/attribute.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "harness/model/names.h"

namespace leakgate::attribute {
namespace {

using model::TraceProcess;

std::string file_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

/// What a program is started by when it is named to it: the program is somebody's own.
bool is_dynamic_linker(std::string_view path) {
  const std::string name = file_name(path);
  // musl's is its C library
  return name.starts_with("ld-linux") || name.starts_with("ld-musl") || name.starts_with("ld-2.") ||
         name == "libc.so";
}

bool is_system_program(std::string_view path) {
  if (is_dynamic_linker(path)) return false;
  for (const std::string_view folder :
       {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/"})
    if (path.starts_with(folder)) return true;
  return false;
}

/// Shells, ctest, make, interpreters: system programs that only start others. When the run started a program
/// that is not the system's, that one is what the user tests; see docs/decisions/0008.
bool runs_own_programs(const model::Trace& trace) {
  return std::any_of(trace.processes.begin(), trace.processes.end(), [](const TraceProcess& process) {
    return !process.exe.empty() && !is_system_program(process.exe);
  });
}

model::ProcessRole role_of(const TraceProcess& process, bool own_programs) {
  if (process.death_test) return model::ProcessRole::death_test;
  if (process.end == model::ImageEnd::replaced) return model::ProcessRole::replaced;
  if (own_programs && is_system_program(process.exe)) return model::ProcessRole::runner;
  if (process.end == model::ImageEnd::running) return model::ProcessRole::running;
  return model::ProcessRole::judged;
}

/// The frameworks' own spellings: "Suite.Name" for GoogleTest, "outer/inner/name" for Boost.Test; the others
/// have a name alone.
std::string test_id(const model::TraceWindow& window) {
  if (window.suite.empty()) return window.name;
  const bool is_unknown = window.framework == model::Framework::none;  // told by the C adapter
  if (is_unknown || window.framework == model::Framework::gtest) return window.suite + "." + window.name;
  if (window.framework == model::Framework::boost_test) return window.suite + "/" + window.name;
  return window.name;
}

model::Test test_from_window(const model::TraceWindow& window, const model::Process& process) {
  model::Test test;
  test.id = test_id(window);
  test.framework = window.framework;
  test.process = window.process;
  test.file = window.file;
  test.line = window.line;
  test.complete = window.end_ns != 0;
  test.outcome = !test.complete   ? model::Outcome::crashed
                 : window.failed  ? model::Outcome::failed
                 : window.skipped ? model::Outcome::skipped
                                  : model::Outcome::passed;
  if (!test.complete && !process.exit.signal && process.exit.code == 0) test.outcome = model::Outcome::passed;
  test.duration_us = test.complete ? (window.end_ns - window.start_ns) / 1000 : 0;
  test.allocations = window.allocations;
  test.allocated_bytes = window.bytes;
  test.peak_bytes = window.peak_bytes;
  test.held_us = window.held_ns / 1000;
  return test;
}

model::Outcome outcome_of(const model::Process& process) {
  if (process.exit.signal) return model::Outcome::crashed;
  return process.exit.code.value_or(0) == 0 ? model::Outcome::passed : model::Outcome::failed;
}

/// The test for what a process did outside every window; the whole of it where there are none.
model::Test pseudo_test(const TraceProcess& source, const model::Process& process, std::uint32_t index,
                        bool has_windows) {
  model::Test test;
  test.process = index;
  test.outside = has_windows;
  test.id = has_windows ? std::string(model::kOutsideTests) : file_name(process.exe);
  test.allocations = source.outside_allocations;
  test.allocated_bytes = source.outside_bytes;
  if (!has_windows) {
    test.outcome = outcome_of(process);
    test.peak_bytes = source.peak_bytes;
    test.duration_us = source.end_ns > source.start_ns ? (source.end_ns - source.start_ns) / 1000 : 0;
  }
  return test;
}

model::Process make_process(const model::Trace& trace, const TraceProcess& source, bool own_programs) {
  model::Process process;
  process.pid = source.pid;
  process.parent_pid = source.parent < trace.processes.size() ? trace.processes[source.parent].pid : 0;
  process.exe = source.exe;
  process.args = source.args;
  process.exit = source.exit;
  process.role = role_of(source, own_programs);
  process.stripped = source.stripped;
  process.allocations = source.allocations;
  process.frees = source.frees;
  return process;
}

using Place = std::pair<std::uint32_t, std::uint32_t>;  // process, number of a window or scope

/// So many can be open at once. What lies deeper was opened while other threads' scopes came and went: all of
/// their names would say nothing, and take memory without end.
constexpr int kDeepest = 16;

/// The window that each scope lies in, 0 outside tests or where nothing is known of it; and the path of names
/// to it, at most kDeepest of them. A scope comes after what it was opened in.
std::map<Place, std::uint32_t> find_roots(const model::Trace& trace,
                                          const std::map<Place, std::uint32_t>& windows,
                                          std::map<Place, std::string>& paths) {
  std::map<Place, std::uint32_t> roots;
  std::map<Place, int> depths;
  for (const model::TraceScope& scope : trace.scopes) {
    const Place place{scope.process, scope.number};
    const auto outer = roots.find({scope.process, scope.parent});
    if (outer != roots.end())
      roots[place] = outer->second;
    else
      roots[place] = windows.contains({scope.process, scope.parent}) ? scope.parent : 0;
    const auto path = paths.find({scope.process, scope.parent});
    const int depth = path == paths.end() ? 1 : depths[path->first] + 1;
    depths[place] = depth;
    paths[place] = depth == 1         ? scope.name
                   : depth > kDeepest ? "... / " + scope.name
                                      : path->second + " / " + scope.name;
  }
  return roots;
}

/// Scopes whose leaks are meant to be, and those inside them: their blocks belong to nobody.
std::set<Place> find_accepted(const model::Trace& trace) {
  std::set<Place> accepted;
  for (const model::TraceScope& scope : trace.scopes)
    if (scope.accepted || accepted.contains({scope.process, scope.parent}))
      accepted.emplace(scope.process, scope.number);
  return accepted;
}

}  // namespace

Attribution attribute_blocks(const model::Trace& trace) {
  Attribution result;
  const bool own_programs = runs_own_programs(trace);
  for (const TraceProcess& source : trace.processes)
    result.processes.push_back(make_process(trace, source, own_programs));

  std::vector<bool> has_windows(trace.processes.size());
  for (const model::TraceWindow& window : trace.windows) {
    if (window.process >= result.processes.size()) continue;
    has_windows[window.process] = true;
    result.test_of[{window.process, window.number}] = static_cast<std::uint32_t>(result.tests.size());
    result.tests.push_back(test_from_window(window, result.processes[window.process]));
  }
  const std::map<Place, std::uint32_t> roots = find_roots(trace, result.test_of, result.section_of);
  const std::set<Place> accepted = find_accepted(trace);
  std::vector<bool> has_blocks(trace.processes.size());
  for (const model::TraceOutstanding& blocks : trace.outstanding) {
    const auto root = roots.find({blocks.process, blocks.window});
    const bool outside = root == roots.end() ? blocks.window == 0 : root->second == 0;
    if (blocks.process < has_blocks.size() && outside) has_blocks[blocks.process] = true;
  }

  for (std::uint32_t index = 0; index < result.processes.size(); ++index) {
    const model::Process& process = result.processes[index];
    const bool whole_program = !has_windows[index] && !trace.processes[index].forked;
    if (process.role != model::ProcessRole::judged && process.role != model::ProcessRole::running) continue;
    if (!whole_program && !has_blocks[index]) continue;
    // a forked child without windows of its own is part of its program, not another program
    const bool outside = has_windows[index] || trace.processes[index].forked;
    result.test_of[{index, 0}] = static_cast<std::uint32_t>(result.tests.size());
    result.tests.push_back(pseudo_test(trace.processes[index], process, index, outside));
  }
  for (const auto& [place, root] : roots) {
    if (accepted.contains(place)) continue;
    const auto test = result.test_of.find({place.first, root});
    if (test != result.test_of.end()) result.test_of[place] = test->second;
  }
  return result;
}

}  // namespace leakgate::attribute

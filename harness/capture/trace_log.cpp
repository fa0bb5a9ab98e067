// SPDX-License-Identifier: Apache-2.0
// Turns control records into processes and windows. Indexes are the kernel side's own: dense, from 0, in
// order of birth.
#include "harness/capture/trace_log.h"

#include <sys/wait.h>

#include <cstring>
#include <set>

namespace leakgate::capture {
namespace {

template <typename Record>
const Record* as(const lg_record& record, std::size_t size) {
  return size >= sizeof(Record) ? reinterpret_cast<const Record*>(&record) : nullptr;
}

template <std::size_t N>
std::string text(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

std::vector<std::string> split_arguments(const char* data, std::size_t bytes) {
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < bytes;) {
    const std::size_t length = strnlen(data + at, bytes - at);
    arguments.emplace_back(data + at, length);
    at += length + 1;
  }
  return arguments;
}

constexpr std::uint32_t kMaxImages = 1u << 20;  // a record with a larger index is not ours

}  // namespace

model::TraceProcess& TraceLog::image(std::uint32_t proc) {
  if (proc >= processes_.size()) processes_.resize(std::min(proc, kMaxImages) + 1);
  return processes_[std::min(proc, kMaxImages)];
}

void TraceLog::take(const lg_record& record, std::size_t size) {
  switch (record.type) {
    case LG_REC_FORK:
      if (const auto* fork = as<lg_record_fork>(record, size)) take_fork(*fork);
      break;
    case LG_REC_EXEC:
      if (const auto* exec = as<lg_record_exec>(record, size)) take_exec(*exec);
      break;
    case LG_REC_EXIT:
      if (const auto* exit = as<lg_record_exit>(record, size)) take_exit(*exit);
      break;
    case LG_REC_TEST_START:
    case LG_REC_TEST_END:
      if (const auto* test = as<lg_record_test>(record, size)) take_test(*test);
      break;
    case LG_REC_SUITE_START:
    case LG_REC_SUITE_END:
      if (const auto* suite = as<lg_record_test>(record, size)) take_suite(*suite);
      break;
    case LG_REC_TEST_FAILED:
    case LG_REC_ACCEPTED:
      if (const auto* word = as<lg_record_window>(record, size)) take_word_on_window(*word);
      break;
    case LG_REC_SCOPE:
      if (const auto* scope = as<lg_record_scope>(record, size)) take_scope(*scope);
      break;
    default:
      break;
  }
}

void TraceLog::take_fork(const lg_record_fork& record) {
  image(record.child);  // grows the vector before references into it are taken
  const model::TraceProcess& parent = image(record.head.proc);
  model::TraceProcess& child = image(record.child);
  child.pid = static_cast<std::int32_t>(record.pid);
  child.parent = record.head.proc;
  child.forked = true;
  child.death_test = (record.flags & LG_PROC_DEATH_TEST) != 0;
  child.parent_window = record.test;
  child.examined = parent.examined;
  child.stripped = parent.stripped;
  child.exe = parent.exe;
  child.args = parent.args;
  child.framework = parent.framework;
  child.start_ns = record.head.time_ns;
}

void TraceLog::take_exec(const lg_record_exec& record) {
  image(record.head.proc);
  if (record.replaced != ~0u) image(record.replaced);  // no reference below is made invalid by growth
  model::TraceProcess& process = image(record.head.proc);
  process.pid = static_cast<std::int32_t>(record.pid);
  process.forked = false;
  process.start_ns = record.head.time_ns;
  process.exe = text(record.exe);
  process.args = split_arguments(record.args, std::min<std::size_t>(record.args_bytes, sizeof record.args));
  process.root = process.pid == root_pid_;
  if (record.replaced == ~0u) return;
  model::TraceProcess& before = image(record.replaced);
  process.parent = record.replaced;
  process.death_test = before.death_test;
  if (!record.same_process) return;
  before.end = model::ImageEnd::replaced;
  before.end_ns = record.head.time_ns;
}

void TraceLog::take_exit(const lg_record_exit& record) {
  model::TraceProcess& process = image(record.head.proc);
  process.end = model::ImageEnd::exited;
  process.end_ns = record.head.time_ns;
  const int status = static_cast<int>(record.status);
  if (WIFSIGNALED(status))
    process.exit.signal = WTERMSIG(status);
  else
    process.exit.code = WEXITSTATUS(status);
}

void TraceLog::take_test(const lg_record_test& record) {
  const auto key = std::pair(record.head.proc, record.test);
  if (record.head.type == LG_REC_TEST_START) {
    model::TraceWindow window;
    window.process = record.head.proc;
    window.number = record.test;
    // what the target could write over is no framework before it is known to be one
    if (record.framework <= static_cast<std::uint8_t>(model::Framework::boost_test))
      window.framework = static_cast<model::Framework>(record.framework);
    window.suite =
        window.framework == model::Framework::boost_test ? suite_path(record.head.proc) : text(record.suite);
    window.name = text(record.name);
    window.file = text(record.file);
    window.line = record.line;
    window.start_ns = record.head.time_ns;
    open_[key] = windows_.size();
    window_of_[key] = windows_.size();
    windows_.push_back(std::move(window));
    return;
  }
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  model::TraceWindow& window = windows_[found->second];
  window.end_ns = record.head.time_ns;
  window.failed = record.failed;
  window.skipped = record.skipped;
  window.last_throw = record.last_throw;
  window.last_failure = record.last_failure;
  window.allocations = record.allocations;
  window.bytes = record.bytes;
  window.peak_bytes = record.peak_bytes;
  open_.erase(found);
}

/// Suites nest; the outermost is the test module itself, which is in no path.
void TraceLog::take_suite(const lg_record_test& record) {
  auto& suites = suites_[record.head.proc];
  if (record.head.type == LG_REC_SUITE_START)
    suites.push_back(text(record.suite) == "module" ? "" : text(record.name));
  else if (!suites.empty())
    suites.pop_back();
}

std::string TraceLog::suite_path(std::uint32_t proc) const {
  std::string path;
  const auto found = suites_.find(proc);
  if (found == suites_.end()) return path;
  for (const std::string& suite : found->second)
    if (!suite.empty()) (path += path.empty() ? "" : "/") += suite;
  return path;
}

void TraceLog::take_word_on_window(const lg_record_window& record) {
  const std::pair key(record.head.proc, record.window);
  if (record.head.type == LG_REC_ACCEPTED) {
    if (const auto found = scope_of_.find(key); found != scope_of_.end())
      scopes_[found->second].accepted = true;
  } else if (const auto found = window_of_.find(key); found != window_of_.end()) {
    ++windows_[found->second].failed;
  }
}

void TraceLog::take_scope(const lg_record_scope& record) {
  scope_of_[{record.head.proc, record.window}] = scopes_.size();
  scopes_.push_back({record.head.proc, record.window, record.parent, text(record.name), false});
}

void TraceLog::describe_part(std::uint32_t proc, std::uint32_t from, model::Trace& trace) const {
  const auto same_process = [proc](const auto& row) { return row.first.first == proc; };
  // outwards from each of them: other threads' scopes were opened in other ones
  std::set<std::uint32_t> windows, scopes;
  for (auto row = scope_of_.lower_bound({proc, from}); row != scope_of_.end() && same_process(*row); ++row) {
    std::uint32_t number = row->first.second;
    for (auto scope = row; scope != scope_of_.end() && scopes.insert(number).second;
         scope = scope_of_.find({proc, number})) {
      const std::uint32_t parent = scopes_[scope->second].parent;
      if (parent >= number) break;
      number = parent;
    }
    if (number < from && window_of_.contains({proc, number})) windows.insert(number);
  }
  for (const std::uint32_t number : windows)
    trace.windows.push_back(windows_[window_of_.at({proc, number})]);
  for (auto row = window_of_.lower_bound({proc, from}); row != window_of_.end() && same_process(*row); ++row)
    trace.windows.push_back(windows_[row->second]);
  for (const std::uint32_t number : scopes)
    trace.scopes.push_back(scopes_[scope_of_.at({proc, number})]);
  for (model::TraceWindow& window : trace.windows)
    window.process = 0;
  for (model::TraceScope& scope : trace.scopes)
    scope.process = 0;
}

void TraceLog::fill_open_window(std::uint32_t proc, const lg_proc& figures) {
  const auto found = open_.find({proc, figures.test_root});
  if (found == open_.end()) return;
  model::TraceWindow& window = windows_[found->second];
  window.failed = figures.test_failed;
  window.skipped = figures.test_skipped;
  window.last_throw = figures.test_last_throw;
  window.last_failure = figures.test_last_failure;
  window.allocations = figures.test_allocations;
  window.bytes = figures.test_bytes;
  window.peak_bytes = figures.test_peak_bytes;
}

std::vector<std::int32_t> TraceLog::running() const {
  std::vector<std::int32_t> pids;
  for (const model::TraceProcess& process : processes_)
    if (process.end == model::ImageEnd::running && process.pid > 0) pids.push_back(process.pid);
  return pids;
}

}  // namespace leakgate::capture

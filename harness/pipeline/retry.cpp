// SPDX-License-Identifier: Apache-2.0
// One command for each program that had suspects. See retry.h.
#include "harness/pipeline/retry.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "harness/base/descriptor.h"
#include "harness/base/text.h"
#include "harness/judge/judge.h"
#include "harness/judge/merge.h"
#include "harness/model/test_filter.h"

namespace leakgate::pipeline {
namespace {

constexpr std::size_t kMaxFilterBytes = 64 << 10;  // an argument may have 128 KiB

/// Standard input, output and error are nothing while it lives: a test that runs again must not be heard
/// twice, nor eat what the first was given. Without /dev/null, or descriptors to keep them by, they stay.
class Silence {
 public:
  Silence() {
    std::fflush(nullptr);
    const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (int fd = 0; nothing && fd < 3; ++fd) {
      Descriptor& kept = kept_[static_cast<std::size_t>(fd)];
      kept.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
      if (kept) ::dup2(nothing.get(), fd);
    }
  }
  ~Silence() {
    std::fflush(nullptr);
    for (int fd = 0; fd < 3; ++fd)
      if (const Descriptor& kept = kept_[static_cast<std::size_t>(fd)]; kept) ::dup2(kept.get(), fd);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  std::array<Descriptor, 3> kept_;
};

struct Program {
  std::string exe;
  model::Framework framework = model::Framework::none;
  std::vector<std::string> args;
  auto operator<=>(const Program&) const = default;
};

/// Ids of the tests that leak, by program. What is outside tests comes with its program or not at all.
std::map<Program, std::set<std::string>> find_suspects(const model::Recording& recording,
                                                       const judge::Policy& policy) {
  const model::Verdict verdict = judge::judge(recording, policy);
  std::map<Program, std::set<std::string>> suspects;
  for (const model::Leak& leak : verdict.leaks) {
    if (leak.verdict != model::LeakVerdict::fail || leak.test >= verdict.tests.size()) continue;
    const model::Test& test = verdict.tests[leak.test].test;
    if (test.outside || test.process >= verdict.processes.size()) continue;
    const model::Process& process = verdict.processes[test.process];
    if (!process.exe.empty()) suspects[{process.exe, test.framework, process.args}].insert(test.id);
  }
  return suspects;
}

/// The program's own arguments as far as they do not say which tests run or where results go. Only
/// GoogleTest's can be told from the user's; other frameworks' programs get none.
std::vector<std::string> base_command(const Program& program) {
  std::vector<std::string> command = {program.exe};
  if (program.framework != model::Framework::gtest && program.framework != model::Framework::none)
    return command;
  for (std::size_t i = 1; i < program.args.size(); ++i) {
    const std::string& argument = program.args[i];
    const bool keeps_set =
        argument.starts_with("--gtest_also_run") || argument.starts_with("--gtest_death_test");
    if (!argument.starts_with("--gtest_") || keeps_set) command.push_back(argument);
  }
  return command;
}

/// Commands that run the tests `ids` of a program and no others.
std::vector<std::vector<std::string>> commands_for(const Program& program, const std::set<std::string>& ids) {
  if (program.framework == model::Framework::none) return {base_command(program)};
  const std::string_view separator =
      program.framework == model::Framework::gtest || program.framework == model::Framework::boost_test ? ":"
                                                                                                        : ",";
  const std::string prefix = model::filter_argument(program.framework, "");
  std::vector<std::vector<std::string>> commands;
  std::string filter;
  const auto close = [&] {
    if (filter.empty()) return;
    commands.push_back(base_command(program));
    commands.back().push_back(std::exchange(filter, {}));
  };
  for (const std::string& id : ids) {
    const std::string one = model::only_test_argument(program.framework, id);
    if (filter.size() + one.size() > kMaxFilterBytes) close();
    if (filter.empty())
      filter = one;
    else
      (filter += separator) += std::string_view(one).substr(prefix.size());
  }
  close();
  return commands;
}

/// The caller's environment without what would restrict the tests further or write over results.
void drop_filters(launch::CallerState& caller) {
  std::erase_if(caller.environment, [](const std::string& variable) {
    return variable.starts_with("GTEST_") || variable.starts_with("XML_OUTPUT_FILE=") ||
           variable.starts_with("TESTBRIDGE_TEST_ONLY=") || variable.starts_with("TEST_SHARD_INDEX=") ||
           variable.starts_with("TEST_TOTAL_SHARDS=");
  });
}

}  // namespace

Result<model::Recording> retry_suspects(const RecordRequest& request, model::Recording recording,
                                        std::size_t times) {
  if (!recording.run.incomplete_reasons.empty() || recording.run.exit.signal) {
    recording.tracer.notes.push_back(
        fmt::format("no test was run again: the run {}",
                    recording.run.exit.signal ? "ended by a signal" : "is incomplete"));
    return recording;
  }
  const auto suspects = find_suspects(recording, request.policy);
  std::size_t tests = 0, failed = 0;
  std::string why;
  model::RunInfo run = recording.run;
  model::TracerInfo tracer = recording.tracer;
  std::vector<model::Recording> parts;
  parts.push_back(std::move(recording));
  for (const auto& [program, ids] : suspects) {
    tests += ids.size();
    for (const auto& command : commands_for(program, ids)) {
      RecordRequest again = request;
      again.command = command;
      again.compare_backends = false;
      drop_filters(again.caller);
      for (std::size_t number = 1; number <= times; ++number) {
        auto part = [&] {
          const Silence silence;
          return record_command(again);
        }();
        if (!part || !part->run.incomplete_reasons.empty()) {
          ++failed;
          why = part ? part->run.incomplete_reasons.front().message : part.error().message;
          continue;
        }
        for (model::Process& process : part->processes)
          process.rerun = static_cast<std::uint32_t>(number);
        parts.push_back(std::move(*part));
      }
    }
  }
  auto merged = judge::merge(std::move(parts));
  if (!merged) return std::move(merged).error();
  if (tests > 0) {
    run.rerun_scope = model::RerunScope::suspects;
    run.reruns = static_cast<std::uint32_t>(times);
    tracer.notes.push_back(fmt::format("{} that leaked ran {} more {}", counted(tests, "test"), times,
                                       times == 1 ? "time" : "times"));
    if (failed > 0) tracer.notes.push_back(fmt::format("{} of those runs did not count: {}", failed, why));
  }
  merged->run = std::move(run);
  merged->tracer = std::move(tracer);
  return std::move(*merged);
}

}  // namespace leakgate::pipeline

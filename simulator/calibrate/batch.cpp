// SPDX-License-Identifier: Apache-2.0
// The program starts itself, once per twin. See batch.h.
#include "simulator/calibrate/batch.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "simulator/truth_file.h"

extern char** environ;

namespace leakgate::simulator {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

Result<std::string> own_path() {
  char path[4096];
  const ssize_t length = ::readlink(kSelf, path, sizeof path);
  if (length <= 0) return system_error(ErrorKind::io, "cannot tell which program this is", errno);
  return std::string(path, static_cast<std::size_t>(length));
}

Result<pid_t> run_twin(const std::string& self, const std::string& directory, const Scenario& scenario,
                       const char* twin, const Parameters& parameters) {
  std::vector<std::string> words = with_parameters({self, "run", scenario.name, "--twin", twin, "--truth",
                                                    directory + "/" + scenario.name + "." + twin + ".json"},
                                                   parameters);
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (const int code = ::posix_spawn(&pid, self.c_str(), nullptr, nullptr, argv.data(), environ); code != 0)
    return system_error(ErrorKind::io, "cannot start " + self, code);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Error{ErrorKind::internal, std::string(scenario.name) + " (" + twin + ") did not end well", "", 0};
  return pid;
}

}  // namespace

std::vector<std::string> with_parameters(std::vector<std::string> words, const Parameters& parameters) {
  const auto add = [&](const char* option, std::uint64_t value) {
    if (value != 0) words.insert(words.end(), {option, std::to_string(value)});
  };
  add("--count", parameters.count);
  add("--size", parameters.size);
  add("--threads", parameters.threads);
  add("--seed", parameters.seed);
  return words;
}

Status run_batch(const std::string& directory, const Parameters& parameters, const std::string& only) {
  const auto self = own_path();
  if (!self) return self.error();
  std::string runs;
  for (const auto family : catalogue()) {
    for (const Scenario& scenario : family) {
      for (const char* twin : {"leaking", "clean"}) {
        if (!only.empty() && only != twin) continue;
        const auto pid = run_twin(*self, directory, scenario, twin, parameters);
        if (!pid) return pid.error();
        runs += std::to_string(*pid) + " " + scenario.name + " " + twin + "\n";
      }
    }
  }
  return write_text(directory + "/runs", runs);
}

Result<std::vector<BatchRun>> read_runs(const std::string& directory) {
  const auto text = read_text(directory + "/runs");
  if (!text) return text.error();
  std::istringstream lines(*text);
  std::vector<BatchRun> runs;
  for (BatchRun run; lines >> run.pid >> run.scenario >> run.twin;)
    runs.push_back(run);
  return runs;
}

ReportedResult part_of(const ReportedResult& result, std::int64_t pid) {
  ReportedResult part;
  part.complete = result.complete;
  part.verdict = result.verdict;
  for (const ReportedLeak& leak : result.leaks) {
    std::int64_t at = leak.process;
    for (int steps = 0; at != pid && steps < 64; ++steps) {
      const auto parent = result.parents.find(at);
      if (parent == result.parents.end()) break;
      at = parent->second;
    }
    if (at != pid) continue;
    part.leaks.push_back(leak);
    part.leaks.back().child = leak.process != pid;
  }
  return part;
}

}  // namespace leakgate::simulator

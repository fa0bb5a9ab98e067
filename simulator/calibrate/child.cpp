// SPDX-License-Identifier: Apache-2.0
// See child.h.
#include "simulator/calibrate/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "harness/base/descriptor.h"

extern char** environ;

namespace leakgate::simulator {
namespace {

constexpr std::size_t kMostOutput = 1u << 20;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words)
    result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment(const std::vector<std::string>& extra) {
  std::vector<std::string> all = extra;
  for (char** entry = environ; *entry != nullptr; ++entry)
    all.emplace_back(*entry);
  return all;
}

std::string read_all(int fd) {
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    if (text.size() < kMostOutput) text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<CommandResult> run_command(const std::vector<std::string>& words, const std::string& err,
                                  const std::vector<std::string>& extra) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(ErrorKind::io, "cannot make a pipe", errno);
  const Descriptor reader(ends[0]);
  Descriptor writer(ends[1]);
  std::vector<std::string> copy = words;
  std::vector<std::string> variables = environment(extra);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  pid_t pid = -1;
  const auto started = std::chrono::steady_clock::now();
  const int code = ::posix_spawnp(&pid, copy[0].c_str(), &actions, nullptr, pointers(copy).data(),
                                  pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return system_error(ErrorKind::io, "cannot start " + words[0], code);
  writer.reset();
  CommandResult result;
  result.out = read_all(reader.get());
  rusage usage{};
  int status = 0;
  while (::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  result.wall_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.memory_mb = static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
  return result;
}

std::string find_program(const std::string& name, const std::vector<std::string>& places) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<std::filesystem::path> candidates{self / name};
  for (const std::string& place : places)
    candidates.push_back((self / place / name).lexically_normal());
  const char* path = std::getenv("PATH");
  for (std::string rest = path != nullptr ? path : ""; !rest.empty();) {
    const auto colon = rest.find(':');
    candidates.push_back(std::filesystem::path(rest.substr(0, colon)) / name);
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  for (const auto& candidate : candidates)
    if (::access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate, error))
      return candidate;
  return {};
}

Result<WorkDirectory> WorkDirectory::make() {
  const char* place = std::getenv("TMPDIR");
  std::string path =
      std::string(place != nullptr && *place == '/' ? place : "/tmp") + "/leakgate-calibrate.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return system_error(ErrorKind::io, "cannot make a directory for the calibration", errno);
  return WorkDirectory(std::move(path));
}

WorkDirectory::~WorkDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace leakgate::simulator

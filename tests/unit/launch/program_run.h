// SPDX-License-Identifier: Apache-2.0
// Running a program for a test: with what state, and what came of it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace launch_test {

struct ProgramRun {
  int code = -1;   ///< exit status, -1 if killed
  int signal = 0;  ///< that killed it
  std::string out;
  std::string err;
};

/// Runs argv to its end; `prepare` runs in the child before exec. Nothing of environment is added to
/// `environment`.
ProgramRun run_program(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                       const std::function<void()>& prepare = {});

/// A program that was started and runs on; its standard output can be read line by line. Killed and reaped at
/// the end.
class RunningProgram {
 public:
  RunningProgram(const std::vector<std::string>& argv, const std::vector<std::string>& environment);
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  ~RunningProgram();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The next line without its end, or "" at the end of the output or after ten seconds.
  std::string read_line();
  void send_signal(int number) const;
  /// Waits for the end; the wait status as of waitpid.
  int wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  bool reaped_ = false;
};

/// A directory that anybody may enter; removed with its files at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Writes a file with this mode; returns its path.
  std::string write(const std::string& name, const std::string& content, mode_t mode) const;

 private:
  std::string path_;
};

/// Polls until the condition holds; false after ten seconds.
bool eventually(const std::function<bool()>& condition);
/// True while the process exists and is no zombie.
bool is_running(pid_t pid);
std::string read_file(const std::string& path);
/// This process's environment without what sudo adds.
std::vector<std::string> plain_environment();

/// Skips a test that needs root; with LEAKGATE_REQUIRE_BPF=1 the lack is a failure.
#define SKIP_UNLESS_ROOT()                                                                     \
  if (geteuid() != 0) {                                                                        \
    const char* const required = std::getenv("LEAKGATE_REQUIRE_BPF");                          \
    if (required != nullptr && std::string(required) == "1") FAIL() << "this test needs root"; \
    GTEST_SKIP() << "needs root: it changes users or mounts";                                  \
  }                                                                                            \
  static_assert(true, "")

}  // namespace launch_test

// SPDX-License-Identifier: Apache-2.0
// Running a program as a child process, for tests: in goes a command, out come its standard output, standard
// error and how it ended. Output goes through files, so that a program's descriptors are the same with and
// without leakgate around it, and no pipe can fill up.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace leakgate::live {

struct ProgramRequest {
  std::vector<std::string> argv = {};  ///< argv[0] is a path, or is found in PATH
  std::string input = {};              ///< what it reads from standard input
  std::optional<std::vector<std::string>> environment =
      {};                                           ///< NAME=VALUE, all of it; nothing: the test's own
  std::vector<std::string> extra_environment = {};  ///< NAME=VALUE, replaces or is added
  std::filesystem::path directory = {};             ///< where it runs; empty: where the test runs
  std::function<void()> before_exec = {};           ///< runs in the child, just before exec
  std::chrono::seconds time_limit{300};             ///< then it is killed, and the test fails
};

struct ProgramResult {
  std::optional<int> code;  ///< exit status, if it exited
  int signal = 0;           ///< the signal it died by, if it did
  std::string out;
  std::string err;
  /// As a shell says it: the exit status, or 128 + signal.
  [[nodiscard]] int status() const { return code ? *code : 128 + signal; }
};

/// A directory of its own for one test, open to every user, removed at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// A child process. Ended by SIGKILL when it is still there at destruction.
class Program {
 public:
  /// Throws std::runtime_error when there is no process or no file to be had.
  Program(const Scratch& scratch, const ProgramRequest& request);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// What it has written to standard output so far.
  [[nodiscard]] std::string output() const;
  /// Waits for its end; kills it at its time limit, and fails the current test then.
  ProgramResult wait();

 private:
  std::filesystem::path out_;
  std::filesystem::path err_;
  std::chrono::seconds time_limit_;
  pid_t pid_ = -1;
};

/// Runs `request` from beginning to end.
ProgramResult run_program(const Scratch& scratch, const ProgramRequest& request);

/// The whole of a file, or as much as can be read; empty when there is none.
std::string read_file(const std::filesystem::path& path);

void write_file(const std::filesystem::path& path, std::string_view text);

/// Calls `holds` until it is true or `limit` is over; says whether it became true.
bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& holds);

}  // namespace leakgate::live

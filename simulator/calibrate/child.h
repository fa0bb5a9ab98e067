// SPDX-License-Identifier: Apache-2.0
// Running a command for a measurement: how it ended, what it printed, how long it took and how much memory.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::simulator {

struct CommandResult {
  int status = 0;  ///< exit status, or 128 + signal
  double wall_ms = 0;
  double memory_mb = 0;  ///< largest resident set of the command itself, 10^6 bytes
  std::string out;       ///< standard output, its first MiB
};

/// Runs `words`; standard error goes to the file `err`, or nowhere. `extra`: NAME=VALUE for its environment.
/// Fails where it cannot be started.
Result<CommandResult> run_command(const std::vector<std::string>& words, const std::string& err = "/dev/null",
                                  const std::vector<std::string>& extra = {});

/// `name` beside this program, in one of `places` relative to it, or in PATH; empty where there is none.
std::string find_program(const std::string& name, const std::vector<std::string>& places);

/// A directory of its own under TMPDIR, removed with all its files at the end.
class WorkDirectory {
 public:
  static Result<WorkDirectory> make();
  WorkDirectory(WorkDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkDirectory& operator=(WorkDirectory&&) = delete;
  ~WorkDirectory();
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit WorkDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace leakgate::simulator

// SPDX-License-Identifier: Apache-2.0
// Command: a child process whose output is kept and whose time is taken. In: arguments. Out: status, seconds,
// output.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate::bench {

struct CommandResult {
  int status = 0;  ///< as a shell says it
  double wall_s = 0;
  double cpu_s = 0;  ///< of it and of all its descendants that were waited for
  std::string out;
  std::string err;
};

/// A child with its standard input on a pipe. Ended by SIGKILL at destruction if it still runs.
class Command {
 public:
  static Result<Command> start(const std::vector<std::string>& arguments);
  Command(Command&& other) noexcept;
  Command& operator=(Command&&) = delete;
  ~Command();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Waits until standard output holds `text`, at most `seconds`.
  Status await_output(const std::string& text, double seconds);
  /// Closes its standard input and waits for its end, at most `seconds`; then it is killed, which is an
  /// error.
  Result<CommandResult> wait(double seconds);

 private:
  Command() = default;
  pid_t pid_ = -1;
  Descriptor input_;
  Descriptor out_;
  Descriptor err_;
  double started_ = 0;
};

/// Runs a command from beginning to end.
Result<CommandResult> run_command(const std::vector<std::string>& arguments, double seconds = 600);

/// True if `program` is in one of PATH's directories or, with a slash, executable as it stands.
bool is_installed(const std::string& program);

}  // namespace leakgate::bench

// SPDX-License-Identifier: Apache-2.0
// Target: the command, held before its exec until the probes stand, then released, and waited for. In: a
// request. Out: a process that differs from one started without leakgate in nothing but its parent (and,
// where asked for, its mounts). No timer and no loop of its own: pidfd() goes into the caller's poll set.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"
#include "harness/launch/caller_state.h"
#include "harness/launch/canary/canary.h"
#include "harness/launch/identity.h"
#include "harness/launch/private_copies.h"
#include "harness/model/recording.h"

namespace leakgate::launch {

struct ChildPlan;

struct LaunchRequest {
  std::vector<std::string> argv;            ///< argv[0] is looked up in PATH as execvp does
  std::vector<PrivateCopy> private_copies;  ///< empty: the target stays in leakgate's mount namespace
  std::optional<TargetUser> user;  ///< run as this user; nothing: whoever called sudo, else the caller
  bool as_root = false;            ///< do not look for who called sudo
  std::vector<std::string> extra_environment;  ///< NAME=VALUE, replaces or is added; normally empty
  std::optional<CallerState>
      caller;           ///< as taken at the start of main; nothing: the state at the time of hold()
  bool canary = false;  ///< a canary waits beside the target
};

class Target {
 public:
  /// Forks the command and holds it before exec. Fails with not_found (exit 127), not_executable (126), usage
  /// or permission (who to run as), io (no process to be had). Refused private copies are not a failure:
  /// has_private_copies() tells. Resets an ignored SIGCHLD in the calling process, which else could not wait
  /// for its child. If the caller dies before release(), the child ends with status 125 and the command is
  /// not run.
  static Result<Target> hold(const LaunchRequest& request);

  Target(Target&&) noexcept = default;
  Target& operator=(Target&&) = delete;
  /// A target that was never released is ended and reaped; a released one lives on.
  ~Target();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Readable when the target has ended.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// The path that exec is given; relative if PATH or argv[0] is.
  [[nodiscard]] const std::string& program() const { return program_; }
  /// Who the target runs as, if not as the caller.
  [[nodiscard]] const std::optional<TargetUser>& user() const { return user_; }

  /// The canary's process; nullptr without one.
  [[nodiscard]] Canary* canary() const { return canary_.get(); }
  /// Why there is none although it was asked for; else empty.
  [[nodiscard]] const std::string& canary_refusal() const { return canary_refusal_; }

  [[nodiscard]] bool has_private_copies() const { return !copies_.empty(); }
  /// Why there are none although they were asked for; else empty.
  [[nodiscard]] const std::string& private_copies_refusal() const { return copies_refusal_; }
  /// A path by which this process reaches the copy of request.private_copies[index], also after the target
  /// has ended; equal for two requests of one file. Empty without private copies.
  [[nodiscard]] std::string copy_path(std::size_t index) const;

  /// Lets the command start and returns when its exec is done. Fails with not_found or not_executable where
  /// exec failed; the target is reaped then. A target that was killed meanwhile is no failure: poll_exit()
  /// tells.
  Status release();
  [[nodiscard]] bool is_released() const { return released_; }
  /// True if the kernel did not know the file's format and /bin/sh runs it, as execvp does with a script
  /// without "#!".
  [[nodiscard]] bool runs_through_shell() const { return through_shell_; }

  /// How it ended, or nothing while it runs. Reaps it the first time; says the same ever after.
  Result<std::optional<model::ExitState>> poll_exit();
  /// Blocks until it ends.
  Result<model::ExitState> wait_exit();
  /// Sends a signal to the target itself. A target that has ended is no failure.
  Status send_signal(int signal) const;

 private:
  Target() = default;
  Status receive_ready(const std::vector<std::string>& candidates, const std::string& name,
                       const std::optional<PrivateCopyPlan>& plan, bool& copies_failed);
  Result<std::optional<model::ExitState>> reap(bool block);
  void prepare_canary(ChildPlan& plan);
  void take_canary(pid_t pid);

  pid_t pid_ = -1;
  Descriptor pidfd_;
  Descriptor socket_;
  std::string name_;
  std::string program_;
  std::optional<TargetUser> user_;
  std::vector<std::shared_ptr<Descriptor>> copies_;  ///< by request
  std::string copies_refusal_;
  std::unique_ptr<Canary> canary_;
  std::string canary_refusal_;
  bool released_ = false;
  bool through_shell_ = false;
  std::optional<model::ExitState> exit_;
};

}  // namespace leakgate::launch

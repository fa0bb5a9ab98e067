// SPDX-License-Identifier: Apache-2.0
// SignalRelay: signals that were meant for the command and reached leakgate are passed on to it. In: a
// signalfd for the caller's poll set. Out: signals sent to the target, and a list of what came.
#pragma once

#include <csignal>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"
#include "harness/launch/target.h"

namespace leakgate::launch {

struct RelayedSignal {
  int number = 0;
  bool forwarded = false;  ///< false: the terminal had given it to the target already
};

/// Takes over SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 and SIGALRM (an alarm set before exec
/// outlives it) while it lives.
class SignalRelay {
 public:
  /// Blocks the signals in the calling thread; open it before other threads exist and before Target::hold()
  /// (whose request carries a CallerState taken earlier). Fails (io) without descriptors.
  static Result<SignalRelay> open();
  SignalRelay(SignalRelay&& other) noexcept;
  SignalRelay& operator=(SignalRelay&&) = delete;
  /// Gives the signals their former mask back: from then on Ctrl-C ends leakgate itself.
  ~SignalRelay();

  /// Readable when a signal waits.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Passes on every signal that waits and returns them; never blocks. A signal of the terminal's goes to the
  /// whole foreground process group, so it is not sent again to a target in leakgate's own group. Fails if
  /// the target cannot be signalled.
  Result<std::vector<RelayedSignal>> forward(const Target& target) const;

 private:
  SignalRelay() = default;
  Descriptor fd_;
  sigset_t former_mask_{};
};

/// Whether a signal with this si_code has to be sent on to a target in `target_group`, seen from a process in
/// `own_group`.
bool must_forward(int number, int si_code, pid_t own_group, pid_t target_group, bool own_is_session_leader);

}  // namespace leakgate::launch

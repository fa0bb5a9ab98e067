// SPDX-License-Identifier: Apache-2.0
// TimeLimit: ends a target that runs too long: SIGTERM to its whole tree, and after a grace SIGKILL. In: a
// limit. Out: a timerfd for the caller's poll set, signals sent, and whether the limit was hit.
#pragma once

#include <chrono>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"
#include "harness/launch/process_tree.h"
#include "harness/launch/target.h"

namespace leakgate::launch {

inline constexpr std::chrono::milliseconds kTerminationGrace{5000};

class TimeLimit {
 public:
  /// Starts the clock. Fails (usage) on a limit that is not positive, (io) without descriptors.
  static Result<TimeLimit> start(std::chrono::milliseconds limit,
                                 std::chrono::milliseconds grace = kTerminationGrace);

  /// Readable when it is time to call act().
  [[nodiscard]] int fd() const { return timer_.get(); }
  /// Does nothing before time. At the limit: SIGTERM to the target and its descendants, and the clock runs on
  /// for the grace. At its end: SIGKILL to all that got SIGTERM and to what they have started since. No
  /// SIGCONT: a process that the tracer has stopped to read its memory must stay stopped, and SIGKILL needs
  /// none. Fails if the target cannot be signalled.
  Status act(const Target& target);
  /// True once the limit was hit.
  [[nodiscard]] bool is_hit() const { return phase_ != Phase::running; }

 private:
  enum class Phase { running, terminating, killed };
  TimeLimit() = default;

  Descriptor timer_;
  std::chrono::milliseconds grace_{};
  Phase phase_ = Phase::running;
  std::vector<Descendant> signalled_;
};

}  // namespace leakgate::launch

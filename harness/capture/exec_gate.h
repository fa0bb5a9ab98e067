// SPDX-License-Identifier: Apache-2.0
// ExecGate: every program file that the target's tree is about to execute, shown before its first instruction
// runs. In: the target, which must have a mount namespace of its own. Out: open files, each let go when it
// has been examined. It knows nothing of probes. Bounded: an exec is held for kGatePatience at most, whatever
// happens to leakgate (docs/decisions/0016).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate::capture {

/// How long an exec waits for an answer before it goes on without.
inline constexpr std::chrono::milliseconds kGatePatience{2000};

class ExecGate {
 public:
  /// Starts the process that holds execs; nothing is held yet. Fails with permission or unsupported where the
  /// kernel has no fanotify permission events for us.
  static Result<std::unique_ptr<ExecGate>> open();
  /// Lets everything go and ends that process.
  ~ExecGate();
  ExecGate(const ExecGate&) = delete;
  ExecGate& operator=(const ExecGate&) = delete;

  /// From here on every exec through a mount of the mount namespace of `pid` is held. Fails with unsupported
  /// where that namespace is our own (all of the machine would wait for us), with permission or not_found
  /// where it cannot be looked at. Call it once, when nothing waits for the exec of `pid` itself any more.
  Status arm(pid_t pid);
  /// Readable when a file waits.
  [[nodiscard]] int event_descriptor() const { return socket_.get(); }
  /// Shows each waiting file to `examine` as a path of our own, and lets it go. Never blocks.
  void serve(const std::function<void(const std::string& open_path)>& examine);

 private:
  ExecGate() = default;

  Descriptor fanotify_;  ///< ours until armed
  Descriptor socket_;    ///< to the process that holds execs
  pid_t keeper_ = -1;
};

}  // namespace leakgate::capture

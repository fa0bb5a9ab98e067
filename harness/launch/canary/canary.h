// SPDX-License-Identifier: Apache-2.0
// Canary: a process of leakgate's own beside the target, in the target's mount namespace and with the
// target's C library. It waits until it is let go, runs the canary program (program.c) and ends. It is a
// child of leakgate's, not of the target's, has a session of its own, no open files, and no environment but
// what leakgate itself adds to the target's: neither side meets it.
#pragma once

#include <sys/types.h>

#include <optional>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate::launch {

/// What the process needs; descriptors of the parent's.
struct CanaryPlan {
  int image = -1;          ///< -1: no canary
  int socket = -1;         ///< the canary's end
  int parent_socket = -1;  ///< to be closed in children, else the parent's death would never be seen
  char* const* environment = nullptr;  ///< null-terminated; nullptr: empty
};

class Canary {
 public:
  /// Opens what the process will need. Fails (unsupported) where the kernel has no executable memory file.
  static Result<Canary> prepare();
  Canary(Canary&&) noexcept = default;
  Canary& operator=(Canary&&) = delete;
  /// Ends and reaps a process that is still there.
  ~Canary();

  [[nodiscard]] CanaryPlan plan() const;
  /// The process was made: fork_canary() returned `pid`.
  void adopt(pid_t pid);
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Lets the program start and returns when its exec is done. Fails where the kernel refuses it, or the
  /// process is gone. With `timed`, the program measures what a malloc/free pair takes.
  Status release(bool timed = false);
  /// Its process has ended.
  [[nodiscard]] bool has_ended() const;
  /// What a malloc/free pair took in it; nothing where it did not measure. Waits for the end of its process.
  [[nodiscard]] std::optional<double> pair_ns() const;

 private:
  Canary() = default;
  Descriptor image_;
  Descriptor socket_;
  Descriptor child_end_;
  pid_t pid_ = -1;
};

/// Makes the canary's process: a sibling of the calling one, with its namespaces. Returns its pid, -1 on
/// failure. Async-signal-safe.
pid_t fork_canary(const CanaryPlan& plan);

}  // namespace leakgate::launch

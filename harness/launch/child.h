// SPDX-License-Identifier: Apache-2.0
// The child's half of launching: from fork to exec. In: a plan in which every string and array is made
// already. Out: messages to the parent, then the command. Between fork and exec only async-signal-safe work
// is done: no allocation, no locks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/launch/caller_state.h"
#include "harness/launch/canary/canary.h"
#include "harness/launch/identity.h"
#include "harness/launch/private_copies.h"

namespace leakgate::launch {

/// What the child tells the parent. The parent sends one byte, any, for "go"; end of file means that the
/// parent is dead.
struct ChildMessage {
  enum class What : std::int32_t {
    ready,
    copies_failed,
    identity_failed,
    not_found,
    using_shell,
    exec_failed
  };
  What what = What::ready;
  std::int32_t code = 0;    ///< errno of a failure
  std::uint32_t index = 0;  ///< ready, not_found: the candidate; copies_failed: the mount
  std::int32_t step = 0;    ///< copies_failed: CopyStep
  std::int32_t canary = 0;  ///< pid of the canary's process; 0: none was made, -1: it could not be
};

/// Everything the child needs. Pointers lead into strings that outlive the fork.
struct ChildPlan {
  int socket = -1;  ///< the child's end
  int parent_socket =
      -1;  ///< the parent's end, to be closed here: else the parent's death would never be seen
  const CallerState* caller = nullptr;
  IdentityPlan identity;
  std::optional<PrivateCopyPlan> copies;
  std::vector<const char*> candidates;
  bool has_slash = false;
  std::vector<char*> argv;        ///< null-terminated
  std::vector<char*> shell_argv;  ///< the same behind "/bin/sh" and a free place for the path
  std::vector<char*> envp;        ///< null-terminated
  std::vector<std::pair<unsigned, unsigned>> close_ranges;  ///< descriptors that are not the caller's
  CanaryPlan canary;
  std::vector<char*> canary_envp;  ///< null-terminated
  pid_t canary_pid = 0;            ///< written by the child
};

inline constexpr int kAbandonedStatus = 125;  ///< of a child whose parent died before the release

/// Runs in the forked child; all signals are blocked when it is called. Ends in exec or _exit.
[[noreturn]] void run_child(ChildPlan& plan);

}  // namespace leakgate::launch

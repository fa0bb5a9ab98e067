// SPDX-License-Identifier: Apache-2.0
// Who the target is to be: ids, groups, capabilities, and the variables that follow the user. Everything that
// needs the user database is done here, before fork; become() runs in the child and makes system calls only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/launch/caller_state.h"

namespace leakgate::launch {

/// A user of this machine, as the user database has it.
struct TargetUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string name;
  std::string home;
  std::string shell;
};

/// The user with this uid, with the groups a login would give; fails (permission) if there is none.
Result<TargetUser> find_user(uid_t uid);

/// Who called sudo. Nothing unless leakgate runs as root in full and SUDO_UID names another user than root.
/// Fails (usage) on a SUDO_UID or SUDO_GID that is not a number, and (permission) on an unknown user or a
/// group that is not the user's.
Result<std::optional<TargetUser>> invoking_user(const CallerState& caller);

/// The caller's environment as `user` would have had it without sudo: HOME, USER, LOGNAME and SHELL are the
/// user's, MAIL too if it is set, what sudo added (SUDO_UID and the like) is gone. PATH stays as sudo left it
/// (secure_path): the user's own cannot be known.
std::vector<std::string> environment_for(const CallerState& caller, const TargetUser& user);

/// What become() is to do.
struct IdentityPlan {
  bool change_ids = false;
  uid_t uid = 0;
  gid_t gid = 0;
  bool change_groups = false;
  std::vector<gid_t> groups;
  bool limit_capabilities = false;  ///< permitted and effective become `kept_capabilities`
  std::uint64_t kept_capabilities = 0;
  bool clear_inheritable = false;
};

/// The plan for a target of `user`, or for one with the caller's own identity. Fails (permission) if leakgate
/// may not become that user.
Result<IdentityPlan> plan_identity(const CallerState& caller, const std::optional<TargetUser>& user);

/// Carries out the plan in the calling process. Async-signal-safe. Returns 0 or an errno; on failure the
/// process holds an undefined mix of identities and must end.
int become(const IdentityPlan& plan);

}  // namespace leakgate::launch

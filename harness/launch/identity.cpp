// SPDX-License-Identifier: Apache-2.0
// Users, groups and capabilities of the target. See identity.h.
#include "harness/launch/identity.h"

#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace leakgate::launch {
namespace {

/// What sudo itself adds. SUDO_ASKPASS, SUDO_EDITOR and SUDO_PROMPT are the user's own.
constexpr std::array<std::string_view, 6> kSudoVariables = {
    "SUDO_COMMAND=", "SUDO_GID=", "SUDO_HOME=", "SUDO_TTY=", "SUDO_UID=", "SUDO_USER="};
constexpr std::string_view kAsRootHint = "to run the target as root on purpose, use --as-root";

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // The highest number is what the set*id calls take for "leave it".
  if (error != std::errc{} || end != text.data() + text.size() || value == 0xffffffffu) return std::nullopt;
  return value;
}

std::vector<gid_t> groups_of(const char* name, gid_t gid) {
  std::vector<gid_t> groups(64);
  for (;;) {
    int count = static_cast<int>(groups.size());
    if (getgrouplist(name, gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      return groups;
    }
    // glibc puts the number needed into count; never less than what was offered.
    groups.resize(std::max(groups.size() * 2, static_cast<std::size_t>(count)));
  }
}

void set_variable(std::vector<std::string>& environment, std::string_view name, std::string_view value) {
  const std::string prefix = fmt::format("{}=", name);
  const auto found = std::find_if(environment.begin(), environment.end(),
                                  [&](const std::string& entry) { return entry.starts_with(prefix); });
  if (found != environment.end()) {
    *found = prefix + std::string(value);
  } else {
    environment.push_back(prefix + std::string(value));
  }
}

int limit_capabilities(const IdentityPlan& plan) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return errno;
  for (std::size_t half = 0; half < sets.size(); ++half) {
    const auto kept = static_cast<std::uint32_t>(plan.kept_capabilities >> (32 * half));
    sets[half].permitted &= kept;
    sets[half].effective &= kept;
    if (plan.clear_inheritable) sets[half].inheritable = 0;
  }
  return syscall(SYS_capset, &header, sets.data()) == 0 ? 0 : errno;
}

int change_ids(const IdentityPlan& plan) {
  // Raw calls: glibc's wrappers talk to the other threads, of which a forked child has none.
  if (plan.change_groups && syscall(SYS_setgroups, plan.groups.size(), plan.groups.data()) != 0) return errno;
  if (syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) != 0) return errno;
  if (plan.uid != 0) prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  if (syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) != 0) return errno;
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (getresuid(&real, &effective, &saved) != 0) return errno;
  return real == plan.uid && effective == plan.uid && saved == plan.uid ? 0 : EPERM;
}

}  // namespace

Result<TargetUser> find_user(uid_t uid) {
  std::vector<char> buffer(1 << 16);
  passwd entry{};
  passwd* found = nullptr;
  const int code = getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    const std::string what = fmt::format("no user with uid {} on this machine", uid);
    if (code != 0) return system_error(ErrorKind::permission, what, code, std::string(kAsRootHint));
    return Error{ErrorKind::permission, what, std::string(kAsRootHint), 0};
  }
  return TargetUser{entry.pw_uid,  entry.pw_gid, groups_of(entry.pw_name, entry.pw_gid),
                    entry.pw_name, entry.pw_dir, entry.pw_shell};
}

Result<std::optional<TargetUser>> invoking_user(const CallerState& caller) {
  // SUDO_* are ordinary variables that anyone can set: they can only ever take root's privileges away.
  const auto uid_text = caller.variable("SUDO_UID");
  if (caller.real_uid != 0 || caller.effective_uid != 0 || !uid_text) return std::optional<TargetUser>();
  const auto uid = parse_id(*uid_text);
  if (!uid) {
    return Error{ErrorKind::usage, fmt::format("SUDO_UID is '{}', which is not a user id", *uid_text),
                 std::string(kAsRootHint), 0};
  }
  if (*uid == 0) return std::optional<TargetUser>();
  auto user = find_user(*uid);
  if (!user) return std::move(user).error().with_context("cannot run the target as the user who called sudo");
  if (const auto gid_text = caller.variable("SUDO_GID")) {
    const auto gid = parse_id(*gid_text);
    if (!gid) {
      return Error{ErrorKind::usage, fmt::format("SUDO_GID is '{}', which is not a group id", *gid_text),
                   std::string(kAsRootHint), 0};
    }
    if (std::find(user->groups.begin(), user->groups.end(), *gid) == user->groups.end()) {
      return Error{ErrorKind::permission,
                   fmt::format("SUDO_GID is {}, and user {} is not in that group", *gid, user->name),
                   std::string(kAsRootHint), 0};
    }
    user->gid = *gid;
  }
  return std::optional<TargetUser>(std::move(*user));
}

std::vector<std::string> environment_for(const CallerState& caller, const TargetUser& user) {
  std::vector<std::string> result;
  result.reserve(caller.environment.size() + 4);
  for (const std::string& entry : caller.environment) {
    const bool is_sudos = std::any_of(kSudoVariables.begin(), kSudoVariables.end(),
                                      [&](std::string_view name) { return entry.starts_with(name); });
    if (!is_sudos) result.push_back(entry);
  }
  set_variable(result, "HOME", user.home);
  set_variable(result, "USER", user.name);
  set_variable(result, "LOGNAME", user.name);
  set_variable(result, "SHELL", user.shell.empty() ? "/bin/sh" : user.shell);
  if (caller.variable("MAIL")) set_variable(result, "MAIL", "/var/mail/" + user.name);
  return result;
}

Result<IdentityPlan> plan_identity(const CallerState& caller, const std::optional<TargetUser>& user) {
  IdentityPlan plan;
  if (user && user->uid != 0) {
    if (caller.effective_uid != 0) {
      return Error{ErrorKind::permission, fmt::format("only root can run the target as user {}", user->name),
                   "leave the user out, or call leakgate through sudo", 0};
    }
    plan.change_ids = plan.change_groups = plan.limit_capabilities = plan.clear_inheritable = true;
    plan.uid = user->uid;
    plan.gid = user->gid;
    plan.groups = user->groups;
    return plan;
  }
  // A set-user-id leakgate is not a supported way to install it, and must not become a way to be root.
  if (caller.real_uid != caller.effective_uid || caller.real_gid != caller.effective_gid) {
    plan.change_ids = true;
    plan.uid = caller.real_uid;
    plan.gid = caller.real_gid;
  }
  // File capabilities are the tracer's. Ambient ones are the caller's own (a file with capabilities clears
  // them): exec would have handed exactly those to the target.
  if (caller.real_uid != 0) {
    plan.limit_capabilities = true;
    plan.kept_capabilities = caller.ambient_capabilities;
  }
  return plan;
}

int become(const IdentityPlan& plan) {
  if (plan.change_ids) {
    if (const int code = change_ids(plan)) return code;
  }
  if (!plan.limit_capabilities) return 0;
  if (plan.kept_capabilities == 0) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return limit_capabilities(plan);
}

}  // namespace leakgate::launch

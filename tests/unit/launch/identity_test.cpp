// SPDX-License-Identifier: Apache-2.0
// Who the target runs as: under sudo, with file capabilities, as plain root, and with a forged environment.
#include "harness/launch/identity.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/launch/program_run.h"

namespace leakgate::launch {
namespace {

using launch_test::read_file;
using launch_test::run_program;
using launch_test::TemporaryDirectory;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kNobody = 65534;

CallerState root_with(std::vector<std::string> environment) {
  CallerState caller;
  caller.environment = std::move(environment);
  return caller;
}

TEST(InvokingUser, IsNobodyWithoutSudo) {
  auto user = invoking_user(root_with({"HOME=/root"}));
  ASSERT_TRUE(user);
  EXPECT_FALSE(user->has_value());
}
TEST(InvokingUser, IsTakenFromTheUserDatabase) {
  auto user = invoking_user(root_with({"SUDO_UID=65534", "SUDO_USER=root"}));
  ASSERT_TRUE(user && *user);
  EXPECT_EQ((*user)->uid, kNobody);
  EXPECT_EQ((*user)->gid, getpwuid(kNobody)->pw_gid);
  EXPECT_EQ((*user)->name, getpwuid(kNobody)->pw_name);
}
TEST(InvokingUser, IsIgnoredUnlessLeakgateIsRoot) {
  CallerState caller = root_with({"SUDO_UID=65534"});
  caller.real_uid = caller.effective_uid = 1000;
  auto user = invoking_user(caller);
  ASSERT_TRUE(user);
  EXPECT_FALSE(user->has_value());
  caller.effective_uid = 0;  // set-user-id root: the variables are a stranger's
  user = invoking_user(caller);
  ASSERT_TRUE(user);
  EXPECT_FALSE(user->has_value());
}
TEST(InvokingUser, RootUnderSudoStaysRoot) {
  auto user = invoking_user(root_with({"SUDO_UID=0", "SUDO_GID=0"}));
  ASSERT_TRUE(user);
  EXPECT_FALSE(user->has_value());
}
TEST(InvokingUser, NonsenseIsAnError) {
  for (const char* uid : {"", "-1", "1x", " 1", "4294967295", "99999999999999999999", "0x10", "+5"}) {
    auto user = invoking_user(root_with({std::string("SUDO_UID=") + uid}));
    ASSERT_FALSE(user) << uid;
    EXPECT_EQ(user.error().kind, ErrorKind::usage) << uid;
  }
  EXPECT_FALSE(invoking_user(root_with({"SUDO_UID=65534", "SUDO_GID=nogroup"})));
}
TEST(InvokingUser, UnknownUserIsAnError) {
  auto user = invoking_user(root_with({"SUDO_UID=3999999999"}));
  ASSERT_FALSE(user);
  EXPECT_EQ(user.error().kind, ErrorKind::permission);
  EXPECT_THAT(user.error().hint, HasSubstr("--as-root"));
}
TEST(InvokingUser, AGroupThatIsNotTheUsersIsAnError) {
  EXPECT_FALSE(invoking_user(root_with({"SUDO_UID=65534", "SUDO_GID=0"})));
}

TEST(EnvironmentForUser, IsTheUsersOwnWithoutSudosTraces) {
  const TargetUser user{1000, 1000, {1000}, "ann", "/home/ann", "/bin/zsh"};
  const CallerState caller =
      root_with({"PATH=/sbin", "HOME=/root", "MAIL=/var/mail/root", "USER=root", "SUDO_UID=1000",
                 "SUDO_GID=1000", "SUDO_USER=ann", "SUDO_COMMAND=x", "SUDO_EDITOR=vi", "X"});
  EXPECT_THAT(environment_for(caller, user),
              ElementsAre("PATH=/sbin", "HOME=/home/ann", "MAIL=/var/mail/ann", "USER=ann", "SUDO_EDITOR=vi",
                          "X", "LOGNAME=ann", "SHELL=/bin/zsh"));
}

TEST(IdentityPlan, PlainRootKeepsEverything) {
  auto plan = plan_identity(root_with({}), std::nullopt);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->change_ids || plan->change_groups || plan->limit_capabilities);
}
TEST(IdentityPlan, SetUserIdRootGoesBackToTheCaller) {
  CallerState caller = root_with({});
  caller.real_uid = 1000;
  caller.real_gid = 100;
  auto plan = plan_identity(caller, std::nullopt);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->change_ids && plan->limit_capabilities);
  EXPECT_EQ(plan->uid, 1000u);
  EXPECT_EQ(plan->gid, 100u);
  EXPECT_EQ(plan->kept_capabilities, 0u);
}
TEST(IdentityPlan, AUserCannotBecomeAnother) {
  CallerState caller = root_with({});
  caller.real_uid = caller.effective_uid = 1000;
  auto plan = plan_identity(caller, TargetUser{2000, 2000, {}, "bob", "/", "/bin/sh"});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::permission);
}

/// The programs in a place that every user can reach.
struct PublicPrograms {
  TemporaryDirectory directory;
  std::string probe = directory.write("probe", read_file(LAUNCH_PROBE), 0755);
  std::string driver = directory.write("driver", read_file(LAUNCH_DRIVER), 0755);
};

void become_nobody() {
  if (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
      setresuid(kNobody, kNobody, kNobody) != 0) {
    _exit(97);
  }
}

TEST(SudoRun, TargetEqualsOneStartedByTheUser) {
  SKIP_UNLESS_ROOT();
  const PublicPrograms programs;
  const passwd* const nobody = getpwuid(kNobody);
  ASSERT_NE(nobody, nullptr);
  const std::string name = nobody->pw_name;
  const std::string shell = nobody->pw_shell;
  const gid_t gid = nobody->pw_gid;
  const std::vector<std::string> own = {"PATH=/usr/bin:/bin", std::string("HOME=") + nobody->pw_dir,
                                        "USER=" + name,       "LOGNAME=" + name,
                                        "SHELL=" + shell,     "MAIL=/var/mail/" + name};
  const std::vector<std::string> sudos = {
      "PATH=/usr/bin:/bin",  "HOME=/root",     "USER=root",      "LOGNAME=root",   "SHELL=/bin/bash",
      "MAIL=/var/mail/root", "SUDO_UID=65534", "SUDO_GID=65534", "SUDO_USER=root", "SUDO_COMMAND=x"};
  const auto native = run_program({programs.probe}, own, [&] {
    if (initgroups(name.c_str(), gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(kNobody, kNobody, kNobody) != 0) {
      _exit(97);
    }
  });
  const auto driven = run_program(
      {programs.driver, "--soil", "--copy", "/lib/x86_64-linux-gnu/libc.so.6", "--", programs.probe}, sudos);
  ASSERT_EQ(native.code, 0);
  EXPECT_EQ(driven.out, native.out);
  EXPECT_THAT(driven.out, HasSubstr("CapPrm:\t0000000000000000"));
  EXPECT_EQ(driven.err, native.err);
}

TEST(SudoRun, AsRootKeepsRoot) {
  SKIP_UNLESS_ROOT();
  const auto run = run_program({LAUNCH_DRIVER, "--as-root", "--", "/usr/bin/id", "-u"}, {"SUDO_UID=65534"});
  EXPECT_EQ(run.out, "0\n");
}

TEST(SudoRun, ProgramsTheUserMayNotReachAreNotExecutable) {
  SKIP_UNLESS_ROOT();
  const TemporaryDirectory directory;
  const std::string script = directory.write("script", "#!/bin/sh\n", 0700);
  const auto run = run_program({LAUNCH_DRIVER, "--", script}, {"SUDO_UID=65534"});
  EXPECT_EQ(run.code, 126);
  EXPECT_THAT(run.err, HasSubstr("permission denied"));
}

TEST(FileCapabilities, StayWithLeakgateAndHideNothingFromTheTarget) {
  SKIP_UNLESS_ROOT();
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer does not start in secure mode";
#endif
  const PublicPrograms programs;
  vfs_cap_data capabilities{};
  capabilities.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  capabilities.data[0].permitted = (1u << CAP_SYS_ADMIN) | (1u << CAP_DAC_OVERRIDE) | (1u << CAP_CHOWN);
  if (setxattr(programs.driver.c_str(), "security.capability", &capabilities, XATTR_CAPS_SZ_2, 0) != 0) {
    GTEST_SKIP() << "the file system of /tmp keeps no capabilities";
  }
  // ld.so takes LD_LIBRARY_PATH and TMPDIR away from a privileged program; the target must still get them.
  const std::vector<std::string> environment = {"PATH=/bin", "LD_LIBRARY_PATH=/nowhere", "A=1", "TMPDIR=/tmp",
                                                "Z=1"};
  const auto native = run_program({programs.probe}, environment, become_nobody);
  const auto driven = run_program(
      {programs.driver, "--soil", "--copy", "/lib/x86_64-linux-gnu/libc.so.6", "--", programs.probe},
      environment, become_nobody);
  ASSERT_EQ(native.code, 0);
  EXPECT_EQ(driven.out, native.out);
  EXPECT_EQ(driven.err, "");
  const std::string secret = programs.directory.write("secret", "#!/bin/sh\n", 0700);
  EXPECT_EQ(run_program({programs.driver, "--", secret}, environment, become_nobody).code, 126);
}

}  // namespace
}  // namespace leakgate::launch

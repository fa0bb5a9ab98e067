// SPDX-License-Identifier: Apache-2.0
// The target is what it would have been without leakgate: compared byte for byte with a native run. And it is
// held, released, abandoned and ended as the header says.
#include "harness/launch/target.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/unit/launch/program_run.h"

namespace leakgate::launch {
namespace {

using launch_test::eventually;
using launch_test::is_running;
using launch_test::plain_environment;
using launch_test::run_program;
using launch_test::RunningProgram;
using launch_test::TemporaryDirectory;

/// Runs the probe natively and through the driver, from the same state, and expects equal output.
void expect_equal_start(std::vector<std::string> arguments, const std::vector<std::string>& environment,
                        const std::function<void()>& prepare) {
  std::vector<std::string> native = {LAUNCH_PROBE};
  native.insert(native.end(), arguments.begin(), arguments.end());
  std::vector<std::string> driven = {LAUNCH_DRIVER, "--soil", "--"};
  driven.insert(driven.end(), native.begin(), native.end());
  const auto expected = run_program(native, environment, prepare);
  const auto actual = run_program(driven, environment, prepare);
  ASSERT_EQ(expected.code, 0);
  ASSERT_GT(expected.out.size(), 500u);
  EXPECT_EQ(actual.out, expected.out);
  EXPECT_EQ(actual.err, expected.err);
  EXPECT_EQ(actual.code, expected.code);
}

TEST(TargetStart, EqualsANativeStart) {
  expect_equal_start({}, plain_environment(), {});
}

TEST(TargetStart, KeepsOddBytesInArgumentsAndEnvironment) {
  expect_equal_start(
      {"", " ", "\xff\xfe\x01", "a\nb", "--", "--timeout-ms", "*", "\"'\\"},
      {"PATH=/bin", "NO_EQUALS_SIGN", "=", "=leading", "TWICE=1", "TWICE=2", "ODD=\xff\n\x02", "EMPTY="}, {});
}

TEST(TargetStart, KeepsAnEmptyEnvironment) {
  expect_equal_start({"x"}, {}, {});
}

TEST(TargetStart, KeepsIgnoredAndBlockedSignals) {
  expect_equal_start({}, plain_environment(), [] {
    for (const int number : {SIGINT, SIGHUP, SIGPIPE, SIGQUIT, SIGTERM, SIGCHLD, SIGRTMIN + 3})
      std::signal(number, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int number : {SIGUSR1, SIGTERM, SIGALRM, SIGRTMAX})
      sigaddset(&blocked, number);
    sigprocmask(SIG_SETMASK, &blocked, nullptr);
  });
}

TEST(TargetStart, KeepsDescriptorsTheCallerPassedOn) {
  expect_equal_start({}, plain_environment(), [] {
    if (dup2(open("/dev/zero", O_RDONLY | O_CLOEXEC), 7) < 0 || dup2(open("/", O_PATH | O_CLOEXEC), 23) < 0)
      _exit(97);
  });
}

TEST(TargetStart, KeepsStandardInputClosed) {
  expect_equal_start({}, plain_environment(), [] { close(0); });
}

TEST(TargetStart, KeepsLimitsMaskNicenessAndDirectory) {
  expect_equal_start({}, plain_environment(), [] {
    const rlimit files{200, 300};
    const rlimit core{0, 0};
    const rlimit stack{4 << 20, 16 << 20};
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_STACK, &stack);
    umask(0137);
    setpriority(PRIO_PROCESS, 0, 7);
    if (chdir("/usr/share") != 0) _exit(97);
  });
}

TEST(TargetStart, KeepsTheSessionAndItsGroup) {
  expect_equal_start({}, {"LAUNCH_PROBE_ANY_SESSION=1"}, [] {
    if (setsid() < 0) _exit(97);
    const pid_t child = fork();
    if (child == 0) return;
    int status = 0;
    waitpid(child, &status, 0);
    _exit(WEXITSTATUS(status));
  });
}

TEST(TargetExit, CodeAndSignalAreReported) {
  for (const auto& [script, code, signal] :
       {std::tuple("exit 42", 42, 0), std::tuple("kill -SEGV $$", 0, SIGSEGV)}) {
    LaunchRequest request;
    request.argv = {"/bin/sh", "-c", script};
    auto target = Target::hold(request);
    ASSERT_TRUE(target) << target.error().message;
    ASSERT_TRUE(target->release());
    auto ended = target->wait_exit();
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->code.value_or(0), code);
    EXPECT_EQ(ended->signal.value_or(0), signal);
    auto again = target->poll_exit();
    ASSERT_TRUE(again && *again);
    EXPECT_EQ((*again)->code, ended->code);
  }
}

TEST(TargetExit, IsReportedAlthoughTheCallerIgnoredItsChildren) {
  const auto run = run_program({LAUNCH_DRIVER, "--", "/bin/sh", "-c", "exit 9"}, plain_environment(),
                               [] { std::signal(SIGCHLD, SIG_IGN); });
  EXPECT_EQ(run.code, 9) << run.err;
}

TEST(TargetHold, RunsNothingBeforeTheRelease) {
  const TemporaryDirectory directory;
  LaunchRequest request;
  request.argv = {"touch", directory.path() + "/ran"};
  auto target = Target::hold(request);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->program().substr(target->program().rfind('/')), "/touch");
  auto before = target->poll_exit();
  ASSERT_TRUE(before);
  EXPECT_FALSE(before->has_value());
  EXPECT_NE(access((directory.path() + "/ran").c_str(), F_OK), 0);
  ASSERT_TRUE(target->release());
  ASSERT_TRUE(target->wait_exit());
  EXPECT_EQ(access((directory.path() + "/ran").c_str(), F_OK), 0);
}

TEST(TargetHold, EndsTheChildWhenTheTargetIsDropped) {
  pid_t pid = 0;
  {
    LaunchRequest request;
    request.argv = {"/bin/true"};
    auto target = Target::hold(request);
    ASSERT_TRUE(target);
    pid = target->pid();
    EXPECT_TRUE(is_running(pid));
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(TargetHold, EndsTheChildWhenTheLauncherIsKilled) {
  const TemporaryDirectory directory;
  RunningProgram driver({LAUNCH_DRIVER, "--hold", "--", "touch", directory.path() + "/ran"},
                        plain_environment());
  const pid_t held = std::atoi(driver.read_line().c_str());
  ASSERT_GT(held, 0);
  ASSERT_TRUE(is_running(held));
  driver.send_signal(SIGKILL);
  driver.wait();
  EXPECT_TRUE(eventually([&] { return !is_running(held); }));
  EXPECT_NE(access((directory.path() + "/ran").c_str(), F_OK), 0);
}

TEST(TargetHold, TwoTargetsDoNotKeepEachOtherAlive) {
  LaunchRequest request;
  request.argv = {"/bin/true"};
  auto first = Target::hold(request);
  auto second = Target::hold(request);
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(first->release());
  ASSERT_TRUE(first->wait_exit());
  ASSERT_TRUE(second->release());
  auto ended = second->wait_exit();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0);
}

TEST(TargetHold, AChildKilledBeforeTheReleaseIsNoError) {
  LaunchRequest request;
  request.argv = {"/bin/true"};
  auto target = Target::hold(request);
  ASSERT_TRUE(target);
  ASSERT_TRUE(target->send_signal(SIGKILL));
  ASSERT_TRUE(target->release());
  auto ended = target->wait_exit();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->signal, SIGKILL);
}

TEST(TargetRun, OutlivesALauncherThatIsKilled) {
  const TemporaryDirectory directory;
  const std::string script = "echo $$; while [ ! -e " + directory.path() +
                             "/go ]; do sleep 0.02; done; touch " + directory.path() + "/done";
  RunningProgram driver({LAUNCH_DRIVER, "--", "/bin/sh", "-c", script}, plain_environment());
  const pid_t target = std::atoi(driver.read_line().c_str());
  ASSERT_GT(target, 0);
  driver.send_signal(SIGKILL);
  driver.wait();
  EXPECT_TRUE(is_running(target));
  directory.write("go", "", 0644);
  EXPECT_TRUE(eventually([&] { return access((directory.path() + "/done").c_str(), F_OK) == 0; }));
}

TEST(TargetEnvironment, ExtraVariablesReplaceAndAdd) {
  LaunchRequest request;
  request.caller = CallerState::capture();
  request.caller->environment = {"PATH=/usr/bin:/bin", "A=1", "B=2"};
  request.extra_environment = {"A=9", "C=3"};
  request.argv = {"/bin/sh", "-c", "test \"$A$B$C\" = 923"};
  auto target = Target::hold(request);
  ASSERT_TRUE(target);
  ASSERT_TRUE(target->release());
  EXPECT_EQ(target->wait_exit()->code, 0);
}

}  // namespace
}  // namespace leakgate::launch

// SPDX-License-Identifier: Apache-2.0
// Signals to leakgate reach the target, once.
#include "harness/launch/signal_relay.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/launch/program_run.h"

namespace leakgate::launch {
namespace {

using launch_test::plain_environment;
using launch_test::RunningProgram;

TEST(MustForward, SignalsOfProcessesAlways) {
  EXPECT_TRUE(must_forward(SIGINT, SI_USER, 10, 10, false));
  EXPECT_TRUE(must_forward(SIGTERM, SI_QUEUE, 10, 10, true));
}
TEST(MustForward, TerminalSignalsOnlyToAnotherGroup) {
  EXPECT_FALSE(must_forward(SIGINT, SI_KERNEL, 10, 10, false));
  EXPECT_FALSE(must_forward(SIGINT, SI_KERNEL, 10, 10, true));
  EXPECT_TRUE(must_forward(SIGINT, SI_KERNEL, 10, 20, false));
}
TEST(MustForward, HangupOfASessionLeaderAndAlarmsAlways) {
  EXPECT_TRUE(must_forward(SIGHUP, SI_KERNEL, 10, 10, true));
  EXPECT_FALSE(must_forward(SIGHUP, SI_KERNEL, 10, 10, false));
  EXPECT_TRUE(must_forward(SIGALRM, SI_KERNEL, 10, 10, false));
}

class RelayedSignals : public testing::TestWithParam<std::pair<const char*, int>> {};
TEST_P(RelayedSignals, ReachTheTarget) {
  const auto& [name, number] = GetParam();
  const std::string script = std::string("trap 'echo got ") + name + "; exit 7' " + name +
                             "; echo ready; while :; do sleep 0.02; done";
  RunningProgram driver({LAUNCH_DRIVER, "--", "/bin/sh", "-c", script}, plain_environment());
  ASSERT_EQ(driver.read_line(), "ready");
  driver.send_signal(number);
  EXPECT_EQ(driver.read_line(), std::string("got ") + name);
  EXPECT_EQ(WEXITSTATUS(driver.wait()), 7);
}
INSTANTIATE_TEST_SUITE_P(All, RelayedSignals,
                         testing::Values(std::pair("INT", SIGINT), std::pair("TERM", SIGTERM),
                                         std::pair("HUP", SIGHUP), std::pair("QUIT", SIGQUIT),
                                         std::pair("USR1", SIGUSR1), std::pair("USR2", SIGUSR2),
                                         std::pair("ALRM", SIGALRM)));

TEST(SignalRelay, DeathBySignalIsReportedAs128PlusN) {
  RunningProgram driver({LAUNCH_DRIVER, "--", "/bin/sh", "-c", "echo ready; exec sleep 100"},
                        plain_environment());
  ASSERT_EQ(driver.read_line(), "ready");
  driver.send_signal(SIGTERM);
  EXPECT_EQ(WEXITSTATUS(driver.wait()), 128 + SIGTERM);
}

TEST(SignalRelay, ControlCOfATerminalReachesTheTargetOnce) {
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    // Counts interrupts for a while after the first: a second delivery would be counted.
    execl(LAUNCH_DRIVER, LAUNCH_DRIVER, "--", "/bin/sh", "-c",
          "n=0; trap 'n=$((n+1))' INT; echo ready; i=0; while [ $i -lt 30 ]; do sleep 0.02; [ $n -gt 0 ] && "
          "i=$((i+1)); done; "
          "echo count $n",
          nullptr);
    _exit(98);
  }
  std::string output;
  bool interrupted = false;
  char buffer[256];
  for (ssize_t count = 0; (count = read(terminal, buffer, sizeof buffer)) > 0;) {
    output.append(buffer, static_cast<std::size_t>(count));
    if (!interrupted && output.find("ready") != std::string::npos) {
      interrupted = write(terminal, "\x03", 1) == 1;
    }
  }
  int status = 0;
  waitpid(pid, &status, 0);
  close(terminal);
  EXPECT_NE(output.find("count 1"), std::string::npos) << output;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(SignalRelay, GivesTheMaskBack) {
  sigset_t before;
  sigset_t during;
  sigset_t after;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  {
    auto relay = SignalRelay::open();
    ASSERT_TRUE(relay);
    sigprocmask(SIG_SETMASK, nullptr, &during);
  }
  sigprocmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&during, SIGTERM), 1);
  EXPECT_EQ(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}

}  // namespace
}  // namespace leakgate::launch

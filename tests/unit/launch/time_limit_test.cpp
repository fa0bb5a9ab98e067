// SPDX-License-Identifier: Apache-2.0
// A target that runs too long is asked to end, then made to, with its whole tree.
#include "harness/launch/time_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "tests/unit/launch/program_run.h"

namespace leakgate::launch {
namespace {

using launch_test::eventually;
using launch_test::is_running;
using launch_test::plain_environment;
using launch_test::run_program;

TEST(TimeLimit, RefusesNoTimeAtAll) {
  auto limit = TimeLimit::start(std::chrono::milliseconds(0));
  ASSERT_FALSE(limit);
  EXPECT_EQ(limit.error().kind, ErrorKind::usage);
}
TEST(TimeLimit, DoesNothingBeforeTime) {
  LaunchRequest request;
  request.argv = {"/bin/true"};
  auto target = Target::hold(request);
  ASSERT_TRUE(target);
  auto limit = TimeLimit::start(std::chrono::hours(1));
  ASSERT_TRUE(limit);
  EXPECT_TRUE(limit->act(*target));
  EXPECT_FALSE(limit->is_hit());
  ASSERT_TRUE(target->release());
  EXPECT_EQ(target->wait_exit()->code, 0);
}
TEST(TimeLimit, TerminatesTheTree) {
  const auto run =
      run_program({LAUNCH_DRIVER, "--timeout-ms", "100", "--", "/bin/sh", "-c", "sleep 100 & echo $!; wait"},
                  plain_environment());
  EXPECT_EQ(run.code, 128 + SIGTERM);
  EXPECT_EQ(run.err, "timed out\n");
  const pid_t child = std::atoi(run.out.c_str());
  ASSERT_GT(child, 0);
  EXPECT_TRUE(eventually([&] { return !is_running(child); }));
}
TEST(TimeLimit, KillsWhatDoesNotTerminate) {
  const std::string deaf =
      "trap '' TERM; /bin/sh -c 'echo $$; while :; do sleep 0.02; done' & while :; do sleep 0.02; done";
  const auto run =
      run_program({LAUNCH_DRIVER, "--timeout-ms", "100", "--grace-ms", "150", "--", "/bin/sh", "-c", deaf},
                  plain_environment());
  EXPECT_EQ(run.code, 128 + SIGKILL);
  const pid_t child = std::atoi(run.out.c_str());
  ASSERT_GT(child, 0);
  EXPECT_TRUE(eventually([&] { return !is_running(child); }));
}
TEST(TimeLimit, KillsAStoppedTarget) {
  const auto run = run_program(
      {LAUNCH_DRIVER, "--timeout-ms", "50", "--grace-ms", "50", "--", "/bin/sh", "-c", "kill -STOP $$"},
      plain_environment());
  EXPECT_EQ(run.code, 128 + SIGKILL);
}
TEST(TimeLimit, IsNotHitByATargetInTime) {
  const auto run = run_program({LAUNCH_DRIVER, "--timeout-ms", "60000", "--", "/bin/sh", "-c", "exit 3"},
                               plain_environment());
  EXPECT_EQ(run.code, 3);
  EXPECT_EQ(run.err, "");
}

}  // namespace
}  // namespace leakgate::launch

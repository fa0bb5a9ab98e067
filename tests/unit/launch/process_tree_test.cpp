// SPDX-License-Identifier: Apache-2.0
// The process tree, and the lines it is read from.
#include "harness/launch/process_tree.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/launch/program_run.h"

namespace leakgate::launch {
namespace {

using launch_test::eventually;
using launch_test::plain_environment;
using launch_test::RunningProgram;

TEST(ProcessStat, ReadsParentAndStartPastAnOddName) {
  const auto stat = parse_process_stat("12 (a) S 9 (\n) S 7 1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 555 1 1");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->start_ticks, 555u);
}
TEST(ProcessStat, RefusesWhatIsNoStatLine) {
  for (const char* line : {"", "12", "12 (x", "12 (x)", "12 (x) S", "12 (x) S 1 1 1"}) {
    EXPECT_FALSE(parse_process_stat(line)) << line;
  }
}

TEST(Descendants, AreFoundThroughGenerations) {
  RunningProgram shell({"/bin/sh", "-c", "/bin/sh -c 'sleep 100 & echo $!; wait' & wait"},
                       plain_environment());
  const pid_t grandchild = std::atoi(shell.read_line().c_str());
  ASSERT_GT(grandchild, 0);
  const auto found = find_descendants(shell.pid());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].pid, grandchild);
  for (const Descendant& process : found)
    kill(process.pid, SIGKILL);
}
TEST(Descendants, OfAProcessWithoutChildrenAreNone) {
  RunningProgram sleeper({"sleep", "100"}, plain_environment());
  EXPECT_TRUE(find_descendants(sleeper.pid()).empty());
}

}  // namespace
}  // namespace leakgate::launch

// SPDX-License-Identifier: Apache-2.0
// GoogleTest: the first test ends its process as if all were well; the second never runs. Of those behind
// them, to be asked for by name, one starts a program in a child and ends, the other one puts a program in
// its own place.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

TEST(Exit, EndsTheProcess) {
  _exit(0);
}

TEST(Exit, NeverRuns) {}

TEST(Exec, InAChild) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/true", "true", nullptr);
    _exit(1);
  }
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST(Exec, InsteadOfTheTest) {
  execl("/bin/true", "true", nullptr);
}

}  // namespace

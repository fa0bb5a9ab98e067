// SPDX-License-Identifier: Apache-2.0
// GoogleTest: the first test ends its process as if all were well; the second never runs.
#include <gtest/gtest.h>
#include <unistd.h>

namespace {

TEST(Exit, EndsTheProcess) {
  _exit(0);
}

TEST(Exit, NeverRuns) {}

}  // namespace

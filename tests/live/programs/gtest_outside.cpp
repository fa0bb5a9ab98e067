// SPDX-License-Identifier: Apache-2.0
// GoogleTest: leaks before, between and after the tests: a static object, an environment, suite set-up,
// main itself.
// truth: (outside tests) 4 blocks, 1006 bytes (250 static, 251 environment, 252 suite set-up, 253 main)
// truth: Inside.Leaks 1 block, 254 bytes; Inside.LeaksInThread 1 block, 255 bytes
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::malloc(bytes));
}

struct AtStart {
  AtStart() { leak(250); }
};

AtStart at_start;

class LeakingEnvironment : public testing::Environment {
 public:
  void SetUp() override { leak(251); }
};

class Inside : public testing::Test {
 protected:
  static void SetUpTestSuite() { leak(252); }
};

TEST_F(Inside, Leaks) {
  leak(254);
}

TEST_F(Inside, LeaksInThread) {
  std::thread(leak, 255).join();
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new LeakingEnvironment());
  const int status = RUN_ALL_TESTS();
  leak(253);
  return status;
}

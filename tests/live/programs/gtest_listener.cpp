// SPDX-License-Identifier: Apache-2.0
// GoogleTest with leakgate's listener: what it makes of fixtures, suites, exceptions, threads, scopes.
// truth: Fixture.LeaksInSetUp 1/310, Fixture.LeaksInBody 1/311, Fixture.LeaksInTearDown 1/312 (blocks/bytes);
// truth: suite Suite 1/320 in its set-up and 1/321 in its tear-down, its tests nothing;
// truth: Other.ThrowsAndLeaks 1/330, Other.ThreadLeaks 1/331, Other.Keeps nothing (340 bytes are reachable)
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::calloc(1, bytes));
}

class Fixture : public testing::Test {
 protected:
  void SetUp() override {
    if (is("LeaksInSetUp")) leak(310);
  }
  void TearDown() override {
    if (is("LeaksInTearDown")) leak(312);
  }
  static bool is(const std::string& name) {
    return testing::UnitTest::GetInstance()->current_test_info()->name() == name;
  }
};

TEST_F(Fixture, LeaksInSetUp) {}
TEST_F(Fixture, LeaksInBody) {
  leak(311);
}
TEST_F(Fixture, LeaksInTearDown) {}
TEST_F(Fixture, IsClean) {
  std::free(std::malloc(5));
}

class Suite : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    leak(320);
    shared = std::malloc(322);
  }
  static void TearDownTestSuite() {
    std::free(shared);
    shared = nullptr;  // the next block may lie where this one lay
    leak(321);
  }
  static void* shared;
};

void* Suite::shared = nullptr;

TEST_F(Suite, First) {
  EXPECT_NE(shared, nullptr);
}
TEST_F(Suite, Second) {
  EXPECT_NE(shared, nullptr);
}

TEST(Other, ThrowsAndLeaks) {
  leak(330);
  throw std::runtime_error("on purpose");
}

TEST(Other, ThreadLeaks) {
  std::thread([] { leak(331); }).join();
}

TEST(Other, Keeps) {
  static void* kept = nullptr;
  kept = std::malloc(340);
  live_keep(&kept);
}

}  // namespace

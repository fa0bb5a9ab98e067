// SPDX-License-Identifier: Apache-2.0
// GoogleTest death tests of both styles beside leaking and clean tests. What a death test's child loses
// never counts.
// truth: Plain.Leaks 1 block, 230 bytes; DeathTest.LeaksAfterDeath 1 block, 231 bytes; the rest clean
#include <gtest/gtest.h>

#include <cstdlib>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::malloc(bytes));
}

[[noreturn]] void leak_and_die() {
  leak(9999);
  std::abort();
}

TEST(Plain, Leaks) {
  leak(230);
}

TEST(Plain, IsClean) {
  std::free(std::malloc(10));
}

TEST(DeathTest, FastStyle) {
  GTEST_FLAG_SET(death_test_style, "fast");
  EXPECT_DEATH(leak_and_die(), "");
}

TEST(DeathTest, ThreadsafeStyle) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(leak_and_die(), "");
}

TEST(DeathTest, ExitsWithLeak) {
  GTEST_FLAG_SET(death_test_style, "fast");
  EXPECT_EXIT((leak(8888), std::exit(3)), testing::ExitedWithCode(3), "");
}

TEST(DeathTest, LeaksAfterDeath) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(leak_and_die(), "");
  leak(231);
}

TEST(Plain, IsCleanAfterAll) {
  SUCCEED();
}

}  // namespace

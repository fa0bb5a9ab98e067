// SPDX-License-Identifier: Apache-2.0
// GoogleTest: passing, failing, skipped, disabled, parameterised and typed tests, each kind with and
// without a leak.
// truth: Outcome.PassesAndLeaks 1/240, Outcome.FailsAndLeaks 1/241, Outcome.SkipsAndLeaks 1/242
// truth: (blocks/bytes), Numbers/Param.Leaks/1 1/244, Typed/1.Leaks 1/8 (the type is double), LateFree.* nothing
// truth: with --gtest_repeat=N each of these is lost N times; exit status 1, as one fails
// truth: with --gtest_also_run_disabled_tests also Outcome.DISABLED_Leaks 1/243
#include <gtest/gtest.h>

#include <cstdlib>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::malloc(bytes));
}

TEST(Outcome, PassesAndLeaks) {
  leak(240);
}

TEST(Outcome, FailsAndLeaks) {
  leak(241);
  FAIL() << "on purpose";
}

TEST(Outcome, SkipsAndLeaks) {
  leak(242);
  GTEST_SKIP() << "on purpose";
}

TEST(Outcome, DISABLED_Leaks) {
  leak(243);
}

TEST(Outcome, PassesClean) {
  std::free(std::malloc(1));
}

TEST(Outcome, SkipsClean) {
  GTEST_SKIP() << "on purpose, and without saying much";
}

class Param : public testing::TestWithParam<int> {};

TEST_P(Param, Leaks) {
  if (GetParam() == 20) leak(244);
}

INSTANTIATE_TEST_SUITE_P(Numbers, Param, testing::Values(10, 20, 30));

template <typename T>
class Typed : public testing::Test {};

using Types = testing::Types<char, double>;
TYPED_TEST_SUITE(Typed, Types, );

TYPED_TEST(Typed, Leaks) {
  if (sizeof(TypeParam) == 8) leak(sizeof(TypeParam));
}

/// Allocated by the first test, freed by the second: late, not lost.
class LateFree : public testing::Test {
 protected:
  static void* block;
};

void* LateFree::block = nullptr;

TEST_F(LateFree, Allocates) {
  block = std::malloc(500);
}

TEST_F(LateFree, Frees) {
  std::free(block);
}

}  // namespace

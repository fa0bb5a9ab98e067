// SPDX-License-Identifier: Apache-2.0
// GoogleTest cases of every kind whose windows the marks must find: passing, failing, throwing, skipped,
// disabled, typed, parameterised, death tests, failures that an assertion expects, long names. Builds with
// GoogleTest 1.8 (no GTEST_SKIP) too.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#ifndef TYPED_TEST_SUITE
#define TYPED_TEST_SUITE TYPED_TEST_CASE
#endif
#ifndef INSTANTIATE_TEST_SUITE_P
#define INSTANTIATE_TEST_SUITE_P INSTANTIATE_TEST_CASE_P
#endif

TEST(Plain, Passes) {
  EXPECT_EQ(2, 1 + 1);
}
TEST(Plain, P) {
  SUCCEED();
}
TEST(Plain, FailsNonFatally) {
  EXPECT_EQ(3, 1 + 1);
}
TEST(Plain, FailsFatally) {
  ASSERT_EQ(3, 1 + 1);
}
TEST(Plain, Throws) {
  throw std::runtime_error("thrown by the test");
}
TEST(Plain, DISABLED_NeverRuns) {
  FAIL();
}
TEST(Plain, FailsInAThread) {
  std::thread other([] { ADD_FAILURE() << "from a thread"; });
  other.join();
}
static void fail_here() {
  FAIL() << "expected";
}
TEST(Plain, ExpectsAFailureAndPasses) {
  EXPECT_FATAL_FAILURE(fail_here(), "expected");
}
TEST(ASuiteWhoseNameIsLongerThanAnySmallStringBufferOfAnyStandardLibrary,
     ATestWhoseNameIsLongerThanAnySmallStringBufferOfAnyStandardLibraryToo) {
  std::string text(200, 'x');
  EXPECT_EQ(200u, text.size());
}

#ifdef GTEST_SKIP
TEST(Skips, InTheBody) {
  GTEST_SKIP() << "not today";
}
class SkipsInSetUp : public testing::Test {
 protected:
  void SetUp() override { GTEST_SKIP() << "not today either"; }
};
TEST_F(SkipsInSetUp, First) {
  FAIL();
}
class SkipsInSuite : public testing::Test {
 public:
  static void SetUpTestSuite() { GTEST_SKIP() << "the whole suite"; }
};
TEST_F(SkipsInSuite, First) {
  FAIL();
}
TEST_F(SkipsInSuite, Second) {
  FAIL();
}
TEST(Skips, AfterAFailure) {
  ADD_FAILURE();
  GTEST_SKIP();
}
#endif

class FailsInTearDown : public testing::Test {
 protected:
  void TearDown() override { ADD_FAILURE() << "late"; }
};
TEST_F(FailsInTearDown, Body) {}

template <typename T>
class Typed : public testing::Test {};
typedef testing::Types<int, std::string, std::vector<double> > SomeTypes;
TYPED_TEST_SUITE(Typed, SomeTypes);
TYPED_TEST(Typed, HoldsOne) {
  EXPECT_EQ(1u, std::vector<TypeParam>(1).size());
}

class Numbered : public testing::TestWithParam<int> {};
TEST_P(Numbered, IsNotTwo) {
  EXPECT_NE(2, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Range, Numbered, testing::Range(0, 4));

struct PrintName {
  template <typename Info>
  std::string operator()(const Info& info) const {
    return "Value" + std::to_string(info.param);
  }
};
INSTANTIATE_TEST_SUITE_P(Named, Numbered, testing::Values(7, 8), PrintName());

class SomeDeathTest : public testing::TestWithParam<const char*> {};
TEST_P(SomeDeathTest, Dies) {
  ::testing::FLAGS_gtest_death_test_style = GetParam();
  EXPECT_DEATH(std::abort(), "");
}
INSTANTIATE_TEST_SUITE_P(Styles, SomeDeathTest, testing::Values("fast", "threadsafe"));

// Runs only when asked for: the window that is open when the process dies.
TEST(Zcrash, DISABLED_Dies) {
  std::abort();
}

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

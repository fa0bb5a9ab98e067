// SPDX-License-Identifier: Apache-2.0
// GoogleTest: clean, leaking, failing, skipped, disabled, typed and parameterised tests, and a leak outside
// all of them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace {

void* volatile last = nullptr;

void lose(std::size_t bytes) {
  last = std::malloc(bytes);
  last = nullptr;
}

const bool lost_at_start = (std::getenv("ROWS_A") != nullptr ? lose(77) : void(), true);

TEST(Plain, Clean) {
  EXPECT_TRUE(lost_at_start);
}
TEST(Plain, Leaks) {
  lose(10);
}
TEST(Plain, FailsItself) {
  EXPECT_EQ(std::getenv("ROWS_B"), nullptr);
}
TEST(Plain, FailsAndLeaks) {
  lose(11);
  FAIL() << "on purpose";
}
TEST(Plain, DISABLED_Sleeps) {
  lose(12);
}
TEST(Plain, Skips) {
  GTEST_SKIP();
}

class Values : public testing::TestWithParam<std::string> {};
TEST_P(Values, AreHard) {
  if (GetParam()[0] == 'b') lose(20);
}
INSTANTIATE_TEST_SUITE_P(All, Values, testing::Values("a; b,[c]\"\\  # x", "b\n2", "$<c>"));

template <typename T>
class Types : public testing::Test {};
using Several = testing::Types<int, std::string>;
TYPED_TEST_SUITE(Types, Several);
TYPED_TEST(Types, Work) {
  EXPECT_EQ(sizeof(TypeParam), sizeof(TypeParam));
}

}  // namespace

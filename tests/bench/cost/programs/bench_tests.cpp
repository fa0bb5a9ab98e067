// SPDX-License-Identifier: Apache-2.0
// 2,000 tiny tests, as many test binaries have them: a little allocation each, nothing outstanding.
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

class Tiny : public testing::TestWithParam<int> {};

TEST_P(Tiny, AllocatesAndFrees) {
  const auto number = std::make_unique<int>(GetParam());
  const std::string text(40, static_cast<char>('a' + *number % 26));
  EXPECT_EQ(text.size(), 40u);
}

INSTANTIATE_TEST_SUITE_P(Many, Tiny, testing::Range(0, 2000));

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// 2,000 tests, each of which leaves one block that a global keeps.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

namespace {

std::array<void*, 2000> kept;

class Keeps : public testing::TestWithParam<int> {};

TEST_P(Keeps, OneBlock) {
  kept[static_cast<std::size_t>(GetParam())] = std::malloc(100);
  EXPECT_NE(kept[static_cast<std::size_t>(GetParam())], nullptr);
}

INSTANTIATE_TEST_SUITE_P(Many, Keeps, testing::Range(0, 2000));

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// A test that would show an adapter which is in the way.
#include <gtest/gtest.h>
#include <leakgate/gtest.hpp>
#include <leakgate/scope.hpp>

TEST(Package, Works) {
  EXPECT_EQ(1 + 1, 2);
}

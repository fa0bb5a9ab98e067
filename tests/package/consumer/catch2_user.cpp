// SPDX-License-Identifier: Apache-2.0
// As gtest_user.cpp.
#include <catch2/catch_test_macros.hpp>
#include <leakgate/scope.hpp>

TEST_CASE("works") {
  REQUIRE(1 + 1 == 2);
}

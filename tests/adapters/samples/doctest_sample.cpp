// SPDX-License-Identifier: Apache-2.0
// doctest test cases of every kind whose windows the marks must find.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <csignal>
#include <stdexcept>

TEST_CASE("passes") {
  CHECK(1 + 1 == 2);
}
TEST_CASE("fails at a check") {
  CHECK(1 + 1 == 3);
}
TEST_CASE("fails at a require") {
  REQUIRE(1 + 1 == 3);
}
TEST_CASE("throws") {
  throw std::runtime_error("thrown by the test");
}
TEST_CASE("a name with commas, spaces and \xC3\xA4\xC3\xB6\xC3\xBC, longer than any small string buffer") {
  CHECK(true);
}
TEST_CASE("should fail and does" * doctest::should_fail()) {
  CHECK(false);
}
TEST_CASE("should fail and does not" * doctest::should_fail()) {
  CHECK(true);
}
TEST_CASE("may fail and does" * doctest::may_fail()) {
  CHECK(false);
}
TEST_CASE("skipped" * doctest::skip()) {
  CHECK(false);
}
TEST_CASE("subcases are one test case") {
  int value = 1;
  SUBCASE("first") {
    CHECK(value == 1);
  }
  SUBCASE("second fails") {
    CHECK(value == 2);
  }
}
TEST_SUITE("a suite") {
  TEST_CASE("in a suite") {
    CHECK(true);
  }
  TEST_CASE_TEMPLATE("typed", T, int, double) {
    CHECK(T() == T(0));
  }
}
TEST_CASE("crash: dies of a signal" * doctest::skip()) {
  std::raise(SIGSEGV);
}

// SPDX-License-Identifier: Apache-2.0
// doctest: clean, leaking, failing, throwing, skipped and templated test cases, suites and subcases.
// truth: leaks 1/300, fails and leaks 1/301, throws and leaks 1/302, in a suite 1/303, subcases 2/304+305, templated<double> 1/8
// truth: nothing else; exit status 1, as two fail
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdlib>
#include <stdexcept>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::malloc(bytes));
}

}  // namespace

TEST_CASE("clean") {
  std::free(std::malloc(1));
}

TEST_CASE("leaks") {
  leak(300);
}

TEST_CASE("fails and leaks") {
  leak(301);
  CHECK(1 == 2);
}

TEST_CASE("throws and leaks") {
  leak(302);
  throw std::runtime_error("on purpose");
}

TEST_CASE("skipped" * doctest::skip()) {
  leak(399);
}

TEST_SUITE("suite") {
  TEST_CASE("in a suite") {
    leak(303);
  }
}

TEST_CASE("subcases") {
  SUBCASE("first") {
    leak(304);
  }
  SUBCASE("second") {
    leak(305);
  }
}

TEST_CASE_TEMPLATE("templated", T, int, double) {
  if (sizeof(T) == sizeof(double)) leak(sizeof(T));
}

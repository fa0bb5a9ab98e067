// SPDX-License-Identifier: Apache-2.0
// Catch2 v3: sections, nested sections, generators, failing, skipped and throwing test cases, a template
// test case.
// truth: "sections" 2/561, "nested sections" 1/272, "generators" 3/819, "fails" 1/274, "skips" 1/275,
// truth: "throws" 1/276, "typed - double" 1/8 (blocks/bytes); "clean" and "typed - char" nothing; the exit status is not 0
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdlib>
#include <stdexcept>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::malloc(bytes));
}

}  // namespace

TEST_CASE("sections", "[live]") {
  SECTION("first") {
    leak(280);
  }
  SECTION("second") {
    leak(281);
  }
  SECTION("third is clean") {
    std::free(std::malloc(5));
  }
}

TEST_CASE("nested sections", "[live]") {
  SECTION("outer") {
    SECTION("inner leaks") {
      leak(272);
    }
    SECTION("inner is clean") {
      SUCCEED();
    }
  }
}

TEST_CASE("generators", "[live]") {
  const int number = GENERATE(1, 2, 3, 4, 5, 6);
  if (number % 2 == 0) leak(273);
}

TEST_CASE("fails", "[live]") {
  leak(274);
  FAIL("on purpose");
}

TEST_CASE("skips", "[live]") {
  leak(275);
  SKIP("on purpose");
}

TEST_CASE("throws", "[live]") {
  leak(276);
  throw std::runtime_error("on purpose");
}

TEST_CASE("clean", "[live]") {
  std::free(std::malloc(7));
}

TEMPLATE_TEST_CASE("typed", "[live]", char, double) {
  if (sizeof(TestType) == 8) leak(sizeof(TestType));
}

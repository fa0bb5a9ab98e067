// SPDX-License-Identifier: Apache-2.0
// Catch2 (v3, and v2 where CATCH_V2 is defined) with leakgate's listener: leaks in sections.
// truth: "sections" 1/510 in "outer / first", 1/511 in "outer / second", 2/512 in no section (it runs twice);
// truth: "plain" 1/520; "clean" nothing; "throws" 1/530 in "inside" (blocks/bytes)
#ifdef CATCH_V2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_test_macros.hpp>
#endif

#include <cstdlib>
#include <stdexcept>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::calloc(1, bytes));
}

TEST_CASE("sections") {
  leak(512);
  SECTION("outer") {
    SECTION("first") {
      leak(510);
    }
    SECTION("second") {
      leak(511);
    }
  }
}

TEST_CASE("plain") {
  leak(520);
}

TEST_CASE("clean") {
  SECTION("one") {
    std::free(std::malloc(5));
  }
}

TEST_CASE("throws") {
  SECTION("inside") {
    leak(530);
    throw std::runtime_error("on purpose");
  }
}

}  // namespace

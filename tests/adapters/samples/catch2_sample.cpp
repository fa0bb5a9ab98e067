// SPDX-License-Identifier: Apache-2.0
// Catch2 test cases of every kind whose windows the marks must find, for v2 (single header, this file holds
// the runner) and v3 (the runner comes from the library): sections, generators, tags that change the outcome,
// odd and long names, skips.
#ifdef LEAKGATE_SAMPLE_CATCH2_V2
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#else
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#endif

#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

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
TEST_CASE("a name with commas, spaces and \"quotes\"", "[tagged]") {
  SUCCEED();
}
TEST_CASE("ein Name mit \xC3\xA4\xC3\xB6\xC3\xBC \xE2\x82\xAC") {
  SUCCEED();
}
TEST_CASE(
    "a name longer than any small string buffer of any standard library, and then some more of it to be "
    "sure") {
  SUCCEED();
}
TEST_CASE("no assertions") {}
TEST_CASE("hidden", "[.hidden]") {
  SUCCEED();
}
TEST_CASE("should fail and does", "[!shouldfail]") {
  CHECK(false);
}
TEST_CASE("should fail and does not", "[!shouldfail]") {
  CHECK(true);
}
TEST_CASE("may fail and does", "[!mayfail]") {
  CHECK(false);
}

TEST_CASE("sections are one test case") {
  std::vector<int> values(3);
  SECTION("first") {
    values.push_back(1);
    SECTION("inner") {
      CHECK(values.size() == 4);
    }
    SECTION("other inner") {
      CHECK(values.size() == 4);
    }
  }
  SECTION("second") {
    CHECK(values.size() == 3);
  }
  SECTION("third fails") {
    CHECK(values.empty());
  }
}

TEST_CASE("generators are one test case") {
  int value = GENERATE(1, 2, 3);
  CHECK(value < 4);
}

struct Fixture {
  int value = 1;
};
TEST_CASE_METHOD(Fixture, "fixture method") {
  CHECK(value == 1);
}
TEMPLATE_TEST_CASE("typed", "", int, std::string) {
  CHECK(std::vector<TestType>(1).size() == 1);
}

#ifdef SKIP
TEST_CASE("skips") {
  SKIP("not today");
}
TEST_CASE("skips in one section") {
  SECTION("runs") {
    SUCCEED();
  }
  SECTION("skips") {
    SKIP("not this one");
  }
}
#endif

// Runs only when asked for: the window that is open when the process dies.
TEST_CASE("dies of a signal", "[.crash]") {
  std::raise(SIGSEGV);
}

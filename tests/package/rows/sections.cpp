// SPDX-License-Identifier: Apache-2.0
// Catch2: names that CMake, filters and shells would like to take apart.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <string>

namespace {

void* volatile last = nullptr;

void lose(std::size_t bytes) {
  last = std::malloc(bytes);
  last = nullptr;
}

}  // namespace

TEST_CASE("a; b, [c] \"q\" \\ back]=] ${x} $<y>", "[hard]") {
  lose(33);
}
TEST_CASE("#hash, 'quoted' (and more)", "[hard]") {
  SECTION("one") {
    CHECK(true);
  }
  SECTION("two") {
    lose(34);
  }
}
TEST_CASE("-dash *star ~tilde", "[hard]") {
  CHECK(true);
}
TEST_CASE("plain") {
  CHECK(true);
}
TEST_CASE("left out by the filter", "[slow]") {
  lose(35);
}
TEMPLATE_TEST_CASE("templated", "", int, std::string) {
  CHECK(sizeof(TestType) > 0);
}

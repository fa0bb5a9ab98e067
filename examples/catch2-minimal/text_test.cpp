// SPDX-License-Identifier: Apache-2.0
// Ten Catch2 test cases; all of them pass. Five leak, five do not: see README.md.
#include "text.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>

// ---- leaking ----

TEST_CASE("a word in upper case is forgotten", "[leaking]") {
  const char* word = text::upper_case("leakgate");
  CHECK(std::strcmp(word, "LEAKGATE") == 0);
}

TEST_CASE("letter counts are forgotten", "[leaking]") {
  const unsigned* counts = text::count_letters("banana");
  CHECK(counts[0] == 3);
}

TEST_CASE("an exception skips the delete", "[leaking]") {
  CHECK_THROWS_AS(text::check_brackets("())"), std::runtime_error);
}

TEST_CASE("only one section forgets its page", "[leaking]") {
  char* page = nullptr;
  SECTION("small pages are deleted") {
    page = text::make_page(64);
    CHECK(page[63] == ' ');
    delete[] page;
  }
  SECTION("big pages are not") {
    page = text::make_page(512);
    CHECK(page[511] == ' ');
  }
}

TEST_CASE("lines of some widths are forgotten", "[leaking]") {
  const auto width = GENERATE(20, 40, 60, 80);
  text::Line* line = text::make_line(static_cast<std::size_t>(width));
  CHECK(line->width == static_cast<std::size_t>(width));
  if (width < 50) delete line;
}

// ---- clean ----

TEST_CASE("a word is freed", "[clean]") {
  char* word = text::upper_case("clean");
  CHECK(std::strcmp(word, "CLEAN") == 0);
  std::free(word);
}

TEST_CASE("words in a vector", "[clean]") {
  const auto words =
      text::split("a vector of rather long words that do not fit in place: incomprehensibilities");
  CHECK(words.size() == 13);
}

TEST_CASE("brackets that match", "[clean]") {
  CHECK_NOTHROW(text::check_brackets("(()())"));
}

/// A fixture whose member cleans up after itself.
class Document {
 protected:
  std::map<int, std::unique_ptr<text::Line>> lines_;
};

TEST_CASE_METHOD(Document, "a fixture that owns its lines", "[clean]") {
  for (int number = 0; number < 5; ++number) {
    lines_[number] = std::make_unique<text::Line>(80);
  }
  CHECK(lines_.size() == 5);
}

TEST_CASE("shared lines without a cycle", "[clean]") {
  const auto line = std::make_shared<text::Line>(10);
  SECTION("one owner") {
    CHECK(line.use_count() == 1);
  }
  SECTION("two owners") {
    const std::shared_ptr<text::Line> second = line;
    CHECK(second.use_count() == 2);
  }
}

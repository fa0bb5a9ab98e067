// SPDX-License-Identifier: Apache-2.0
// The short way through a recording's large tables gives what the parser of documents gives, whatever the
// text.
#include "harness/model/recording_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "harness/model/plain_lists.h"
#include "harness/model/recording_scan.h"
#include "harness/model/recording_tables.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> names_of_lists(std::string_view body) {
  std::vector<std::string> names;
  for (const ListSpan& list : scan_body(body).lists)
    names.push_back(std::string(list.name) + " " + std::string(list.text));
  return names;
}

TEST(RecordingScan, FindsTheListsOfTheOutermostObject) {
  EXPECT_THAT(names_of_lists(R"({"a": [1, [2]], "b": {"c": [3]}, "d": "[", "e" : ["]", "\"]"]})"),
              ElementsAre("a [1, [2]]", R"(e ["]", "\"]"])"));
  EXPECT_THAT(names_of_lists(R"({"a": 1, [2], "b": {"x": 1}})"), IsEmpty()) << "a list without a name";
  EXPECT_THAT(names_of_lists(R"({"a": [1, "2)"), IsEmpty()) << "one that does not end";
  EXPECT_THAT(names_of_lists(R"({"a\"": ["\\"]})"), ElementsAre(R"(a\" ["\\"])"));
}

TEST(RecordingScan, CountsLevelsOutsideOfTexts) {
  EXPECT_EQ(scan_body("").deepest, 0u);
  EXPECT_EQ(scan_body(R"({"[[[[": [{"\"[[": [0]}]})").deepest, 4u);
  EXPECT_EQ(scan_body("]]]][").deepest, 1u);
  EXPECT_EQ(scan_body(R"({"\)").deepest, 1u) << "it ends in an escape";
}

TEST(PlainLists, TakeTheWriterSForm) {
  std::vector<std::string> strings;
  EXPECT_TRUE(read_plain_strings("[\n  \"a\",\n  \"\", \"\\u0041\\n\\\"\", \"\xC3\xA4\"\n]", strings));
  EXPECT_THAT(strings, ElementsAre("a", "", "A\n\"", "\xC3\xA4"));
  std::vector<FrameRow> frames;
  EXPECT_TRUE(
      read_plain_frames("[[1, 2, 3, 0, 5, 6, -1, 18446744073709551615],\n[0,0,0,0,0,0,0,0]]", frames));
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_THAT(frames[0].columns, ElementsAre(1, 2, 3, 0, 5, 6, ~0ull, ~0ull));
}

TEST(PlainLists, LeaveEverythingElseAlone) {
  for (const char* list : {"", "[", "[\"a\"", "[\"a\",]", "[\"a\" \"b\"]", "[1]", "[\"a\"] ]", "[\"\\x\"]",
                           "[\"\xFF\"]", "[\"a\nb\"]", "[\"a\\\"]", "{}"}) {
    std::vector<std::string> strings;
    EXPECT_FALSE(read_plain_strings(list, strings)) << list;
  }
  for (const char* row : {"1,2,3,4,5,6,7", "1,2,3,4,5,6,7,8,9", "01,2,3,4,5,6,7,8", "1,2,3,4,5,6,7,-1",
                          "1,2,3,4,5,6,-0,8", "1,2,3,4,5,6,-10,8", "1,2,3,4,5,6,7,8.0", "1,2,3,4,5,6,7,8e1",
                          "1,2,3,4,5,6,-1.0,8", "18446744073709551616,2,3,4,5,6,7,8",
                          "1,2,3,4,5,6,18446744073709551615,8", "1,2,3,4,5,6,7,\"8\"", ""}) {
    std::vector<FrameRow> frames;
    EXPECT_FALSE(read_plain_frames("[[" + std::string(row) + "]]", frames)) << row;
  }
}

/// Both ways agree on the text.
void expect_same(const std::string& text) {
  const auto scan = scan_body(text);
  if (scan.deepest > 100) return;  // the parser does not see such
  const auto beside = parse_document(text, scan.lists), whole = parse_document(text, {});
  ASSERT_EQ(beside.has_value(), whole.has_value()) << text;
  if (!whole) return;
  EXPECT_EQ(beside->body, whole->body) << text;
  EXPECT_EQ(beside->strings, whole->strings) << text;
  ASSERT_EQ(beside->frames.size(), whole->frames.size()) << text;
  for (std::size_t i = 0; i < whole->frames.size(); ++i)
    EXPECT_EQ(beside->frames[i].columns, whole->frames[i].columns) << text;
}

std::string small_body() {
  test::RecordingBuilder builder;
  builder.leak(builder.test(builder.process(), "A.b"),
               builder.stack({{"f\n\"", "/a.cpp", 1}, {"\xC3\xA4", "", 0, ""}}), 8);
  return format_tables(builder.recording);
}

TEST(RecordingDocument, TheShortWayGivesTheSame) {
  expect_same(small_body());
  for (const char* text :
       {R"({"frames": [[0,0,0,0,0,0,-1,0]], "strings": [""]})",
        R"({"strings": ["a"], "frames": [], "strings": ["b"]})",
        R"({"strings": ["a"], "frames": [], "str\u0069ngs": ["b"]})",
        R"({"strings": ["a"], "frames": [[1,2,3]], "frames": 3})", R"({"strings": ["a", 1], "frames": []})",
        R"({"strings": ["a"], "frames": [], "frames": {"frames": [[0,0,0,0,0,0,0,0]]}})",
        R"([{"strings": ["a"], "frames": []}])", R"({"strings": ["a"] ["b"], "frames": []})",
        R"({"strings": ["a"], "frames": []}})"})
    expect_same(text);
}

TEST(RecordingDocument, TheShortWayGivesTheSameForDamagedTexts) {
  const std::string body = small_body();
  const std::string pieces[] = {"[",           "]",  "{",  "}",    ",",   ":",
                                "\"",          "\\", "-1", "0",    "1e9", "\"strings\": [",
                                "\"frames\":", " ",  "\n", "\xFF", "null"};
  std::mt19937 random(7);
  const auto below = [&](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  };
  for (int i = 0; i < 5000 && !testing::Test::HasFailure(); ++i) {
    std::string text = body;
    for (std::size_t changes = 1 + below(3); changes-- > 0;) {
      const std::size_t at = below(text.size()), length = below(3) == 0 ? below(40) : below(2);
      text.replace(at, length, below(2) == 0 ? "" : pieces[below(std::size(pieces))]);
    }
    expect_same(text);
  }
}

}  // namespace
}  // namespace leakgate::model

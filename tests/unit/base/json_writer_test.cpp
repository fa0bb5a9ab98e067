// SPDX-License-Identifier: Apache-2.0
// JSON text in the order of the calls.
#include "harness/base/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace leakgate {
namespace {

TEST(JsonWriter, CommasColonsAndNesting) {
  JsonWriter out;
  out.begin_object();
  out.member("a", 1);
  out.begin_array("b");
  out.boolean(true);
  out.null();
  out.begin_object();
  out.end_object();
  out.end_array();
  out.member("c", "text");
  out.member("d", ~std::uint64_t{0});
  out.member("e", std::int64_t{-3});
  out.member("f", false);
  out.end_object();
  EXPECT_EQ(out.take(), R"({"a":1,"b":[true,null,{}],"c":"text","d":18446744073709551615,"e":-3,"f":false})");
}

TEST(JsonWriter, PrettyDownToADepth) {
  JsonWriter out(1);
  out.begin_object();
  out.begin_array("a");
  out.number(1);
  out.number(2);
  out.end_array();
  out.begin_array("b");
  out.end_array();
  out.end_object();
  EXPECT_EQ(out.take(), "{\n  \"a\": [1, 2],\n  \"b\": []\n}");
}

TEST(JsonWriter, ASinkGetsTheSameTextInPieces) {
  std::string pieces;
  std::size_t calls = 0;
  const auto fill = [](JsonWriter& out) {
    out.begin_array();
    for (int i = 0; i < 4; ++i) {
      out.begin_object();
      out.member("text", std::string(700000, 'x'));
      out.end_object();
    }
    out.end_array();
  };
  JsonWriter sunk(2, [&](std::string_view piece) { pieces += piece, ++calls; });
  fill(sunk);
  sunk.finish();
  JsonWriter whole(2);
  fill(whole);
  EXPECT_EQ(pieces, whole.take() + "\n");
  EXPECT_GT(calls, 1u);
}

TEST(JsonWriter, EscapesAndRepairs) {
  JsonWriter out;
  out.string("\"\\\n\t\x01\x7f\xFF/");
  EXPECT_EQ(out.take(), "\"\\\"\\\\\\n\\t\\u0001\\u007f\xEF\xBF\xBD/\"");
}

TEST(JsonWriter, DecimalsAreRoundedWithoutNeedlessZeros) {
  JsonWriter out;
  out.begin_array();
  for (const double value :
       {1.0, 0.5, 1.23456, 0.0, -0.0001, 100.0, std::nan(""), std::numeric_limits<double>::infinity()})
    out.decimal(value, 3);
  out.end_array();
  EXPECT_EQ(out.take(), "[1,0.5,1.235,0,0,100,0,0]");
}

}  // namespace
}  // namespace leakgate

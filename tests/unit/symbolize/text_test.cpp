// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/text.h"

#include <gtest/gtest.h>

namespace leakgate::symbolize {
namespace {

TEST(PrintableText, KeepsUtf8) {
  EXPECT_EQ(printable_text("gr\xc3\xb6\xc3\x9f"
                           "e \xe2\x82\xac",
                           100),
            "größe €");
}

TEST(PrintableText, ReplacesTerminalEscapes) {
  EXPECT_EQ(printable_text("a\x1b[31m\nb\x7f", 100), "a?[31m?b?");
}

TEST(PrintableText, ReplacesC1ControlCharacters) {
  EXPECT_EQ(printable_text("a\xc2\x9bz", 100), "a??z");
}

TEST(PrintableText, ReplacesInvalidUtf8) {
  EXPECT_EQ(printable_text("a\xff\xc3z", 100), "a??z");
  EXPECT_EQ(printable_text("\xed\xa0\x80", 100), "???");  // a surrogate
  EXPECT_EQ(printable_text("\xc0\xaf", 100), "??");       // overlong
}

TEST(PrintableText, CutsBetweenCharacters) {
  EXPECT_EQ(printable_text("abcdefgh", 6), "abc...");
  EXPECT_EQ(printable_text("ab\xe2\x82\xac\xe2\x82\xac", 7), "ab...");
}

}  // namespace
}  // namespace leakgate::symbolize

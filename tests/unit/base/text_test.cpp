// SPDX-License-Identifier: Apache-2.0
// Text from traced programs made safe.
#include "harness/base/text.h"

#include <gtest/gtest.h>

namespace leakgate {
namespace {

constexpr const char* kMark = "\xEF\xBF\xBD";

TEST(Text, ValidUtf8IsKept) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
  EXPECT_EQ(repair_utf8(text), text);
  EXPECT_EQ(xml_text(text), text);
  EXPECT_EQ(printable(text), text);
}

TEST(Text, InvalidBytesAreReplacedOneByOne) {
  EXPECT_EQ(repair_utf8("a\xFFz"), std::string("a") + kMark + "z");
  EXPECT_EQ(repair_utf8("\xC0\x80"), std::string(kMark) + kMark) << "overlong";
  EXPECT_EQ(repair_utf8("\xE0\x80\x80"), std::string(kMark) + kMark + kMark) << "overlong";
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), std::string(kMark) + kMark + kMark) << "surrogate";
  EXPECT_EQ(repair_utf8("\xF4\x90\x80\x80").size(), 12u) << "above U+10FFFF";
  EXPECT_EQ(repair_utf8("\xE2\x82"), std::string(kMark) + kMark) << "cut short";
}

TEST(Text, InvalidBytesAreEscapedAsTheyAreShown) {
  EXPECT_EQ(escape_invalid_utf8("a\xFFz\n\xC3\xA9"), "a\\xffz\n\xC3\xA9");
  EXPECT_EQ(escape_invalid_utf8("\xC0"), printable("\xC0"));
  EXPECT_EQ(escape_invalid_utf8("a\\xff"), "a\\xff");
}

TEST(Text, XmlLosesWhatItForbids) {
  EXPECT_EQ(xml_text(std::string_view("a\0b\x01\x1b\t\n\r", 8)),
            std::string("a") + kMark + "b" + kMark + kMark + "\t\n\r");
  EXPECT_EQ(xml_text("\xEF\xBF\xBE"), kMark) << "U+FFFE";
  EXPECT_EQ(xml_attribute("a\nb\tc"), "a b c");
}

TEST(Text, TerminalsAreNotDriven) {
  EXPECT_EQ(printable("\x1b[31mred\n"), "\\x1b[31mred\\x0a");
  EXPECT_EQ(printable("\xC2\x9B"), "\\u009b") << "C1 control";
  EXPECT_EQ(printable("\xE2\x80\xAE"), "\\u202e") << "right-to-left override";
  EXPECT_EQ(printable("\xFF"), "\\xff");
}

TEST(Text, ShortensAtACharactersBorder) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdefg", 6), "abc...");
  EXPECT_EQ(shorten("ab\xE2\x82\xAC\xE2\x82\xAC", 6), "ab...");
  EXPECT_EQ(shorten("abcdef", 0), "...");
}

TEST(Text, CountsHaveTheirPlural) {
  EXPECT_EQ(counted(0, "block"), "0 blocks");
  EXPECT_EQ(counted(1, "block"), "1 block");
  EXPECT_EQ(counted(2, "block"), "2 blocks");
}

TEST(Text, BaseNameIsWhatFollowsTheLastSlash) {
  EXPECT_EQ(base_name("/a/b"), "b");
  EXPECT_EQ(base_name("b"), "b");
  EXPECT_EQ(base_name("a/"), "");
}

}  // namespace
}  // namespace leakgate

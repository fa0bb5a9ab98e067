// SPDX-License-Identifier: Apache-2.0
// Headers of line tables, made by hand: those that libdw can read pass, those that would end it do not.
#include "harness/symbolize/line_header.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace leakgate::symbolize {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

constexpr std::string_view kStrings{"/src\0a.c", 9};  // with the last terminator

/// A version 5 header with one directory and one file, whose names have `form` and these `values`.
Bytes header(std::uint8_t form, const Bytes& directory, const Bytes& file, std::uint8_t version = 5) {
  Bytes out = {0, 0, 0, 0, version, 0, 8, 0, 0, 0, 0, 0, 1, 1, 1, 0xfb, 14, 2, 0};
  const auto table = [&](const Bytes& name) {
    out.insert(out.end(), {1, 1, form, 1});  // one field, a path; one entry
    out.insert(out.end(), name.begin(), name.end());
  };
  table(directory);
  table(file);
  return out;
}

bool sound(const Bytes& lines, std::string_view strings = kStrings, bool has_directory = true) {
  return is_sound_line_table({lines, bytes_of(strings), bytes_of(strings)}, 0, has_directory);
}

constexpr std::uint8_t kString = 0x08, kStrp = 0x0e, kUdata = 0x0f, kStrx = 0x1a, kLineStrp = 0x1f;

TEST(LineHeader, NamesInOtherSectionsAreFound) {
  EXPECT_TRUE(sound(header(kLineStrp, {0, 0, 0, 0}, {5, 0, 0, 0})));
  EXPECT_TRUE(sound(header(kStrp, {0, 0, 0, 0}, {5, 0, 0, 0})));
  EXPECT_TRUE(sound(header(kString, {'/', 0}, {'a', 0})));
}

TEST(LineHeader, NamesOutsideTheirSectionAreRefused) {
  EXPECT_FALSE(sound(header(kLineStrp, {9, 0, 0, 0}, {5, 0, 0, 0})));
  EXPECT_FALSE(sound(header(kLineStrp, {0, 0, 0, 0}, {0, 0, 0, 1})));
  EXPECT_FALSE(sound(header(kStrp, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0})));
  EXPECT_FALSE(sound(header(kLineStrp, {0, 0, 0, 0}, {0, 0, 0, 0}), ""));
}

TEST(LineHeader, NameWithoutEndIsRefused) {
  EXPECT_FALSE(sound(header(kLineStrp, {0, 0, 0, 0}, {5, 0, 0, 0}), std::string_view("/src\0a.c", 8)));
  EXPECT_FALSE(sound(header(kString, {'/', 0}, {'a'})));
}

TEST(LineHeader, NameInAFormThatHoldsNoNameIsRefused) {
  EXPECT_FALSE(sound(header(kUdata, {1}, {1})));
  EXPECT_FALSE(sound(header(kStrx, {1}, {1})));
}

TEST(LineHeader, EveryTruncationIsRefused) {
  const Bytes whole = header(kLineStrp, {0, 0, 0, 0}, {5, 0, 0, 0});
  for (std::size_t bytes = 1; bytes < whole.size(); ++bytes)
    EXPECT_FALSE(sound(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes)))) << bytes;
}

TEST(LineHeader, FileDefinedInAUnitWithoutDirectoryIsRefused) {
  Bytes lines = header(kUdata, {1}, {1}, 4);
  EXPECT_TRUE(sound(lines, kStrings, false));
  lines.insert(lines.end(), {0, 6, 3, 'a', 0, 0, 0, 0});
  EXPECT_TRUE(sound(lines));
  EXPECT_FALSE(sound(lines, kStrings, false));
}

TEST(LineHeader, OlderVersionsAreLeftToLibdw) {
  EXPECT_TRUE(sound(header(kUdata, {1}, {1}, 4)));
}

}  // namespace
}  // namespace leakgate::symbolize

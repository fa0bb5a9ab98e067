// SPDX-License-Identifier: Apache-2.0
// Text that came from a traced program (names, paths, arguments) made safe for where it is written: UTF-8,
// XML 1.0, a terminal. Bytes in, valid text out; nothing here fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace leakgate {

/// The character at the front of a text: its code point and its length in bytes. An invalid byte has
/// length 1.
struct Utf8Char {
  std::uint32_t code_point = 0;
  std::size_t length = 1;
  bool valid = false;
};

/// Decodes the first character of `text`, which must not be empty. Overlong forms, surrogates and values
/// above U+10FFFF are invalid.
[[nodiscard]] Utf8Char decode_utf8(std::string_view text);

/// `text` with each invalid byte replaced by U+FFFD.
[[nodiscard]] std::string repair_utf8(std::string_view text);

/// `text` with each invalid byte as printable shows it ("\xff"), so that texts which differ in such bytes
/// alone still differ.
[[nodiscard]] std::string escape_invalid_utf8(std::string_view text);

/// `text` as valid UTF-8 that holds only characters XML 1.0 allows; what it forbids becomes U+FFFD. Markup is
/// not escaped.
[[nodiscard]] std::string xml_text(std::string_view text);

/// As xml_text, on one line: tabs and line ends become spaces, because attribute values lose them anyway.
[[nodiscard]] std::string xml_attribute(std::string_view text);

/// `text` on one line for a terminal: control characters become visible escapes ("\x1b"), so that a test's
/// name cannot drive it.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` cut to at most `max_bytes`, at a character border, with "..." at the end where something was cut.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t max_bytes);

/// "1 block", "2 blocks": a count with its noun, plural with s.
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun);

/// `text` without the mark by which some editors begin a UTF-8 file.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text);

/// What follows the last slash of `path`.
[[nodiscard]] std::string_view base_name(std::string_view path);

}  // namespace leakgate

// SPDX-License-Identifier: Apache-2.0
// One UTF-8 decoder and the filters built on it; see text.h.
#include "harness/base/text.h"

#include <fmt/format.h>

#include "harness/base/plain_run.h"

namespace leakgate {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool allowed_in_xml(std::uint32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c != 0xFFFE && c != 0xFFFF;
}

/// Copies `text`, asking `emit(out, character, its bytes)` for each character.
template <typename Emit>
std::string filter(std::string_view text, Emit emit) {
  std::size_t plain = plain_run<PlainFor::text>(text);  // nothing that any filter would change
  if (plain == text.size()) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (; !text.empty(); plain = plain_run<PlainFor::text>(text)) {
    if (plain > 0) {
      out += text.substr(0, plain);
      text.remove_prefix(plain);
      continue;
    }
    const Utf8Char c = decode_utf8(text);
    emit(out, c, text.substr(0, c.length));
    text.remove_prefix(c.length);
  }
  return out;
}

}  // namespace

Utf8Char decode_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {lead, 1, false};
  std::uint32_t value = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {lead, 1, false};
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return {lead, 1, false};
  return {value, length, true};
}

std::string repair_utf8(std::string_view text) {
  return filter(text, [](std::string& out, Utf8Char c, std::string_view bytes) {
    out += c.valid ? bytes : kReplacement;
  });
}

std::string escape_invalid_utf8(std::string_view text) {
  return filter(text, [](std::string& out, Utf8Char c, std::string_view bytes) {
    if (c.valid)
      out += bytes;
    else
      out += fmt::format("\\x{:02x}", c.code_point);
  });
}

std::string xml_text(std::string_view text) {
  return filter(text, [](std::string& out, Utf8Char c, std::string_view bytes) {
    out += c.valid && allowed_in_xml(c.code_point) ? bytes : kReplacement;
  });
}

std::string xml_attribute(std::string_view text) {
  std::string out = xml_text(text);
  for (char& c : out)
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  return out;
}

std::string printable(std::string_view text) {
  return filter(text, [](std::string& out, Utf8Char c, std::string_view bytes) {
    const auto value = c.code_point;
    // Bidirectional overrides can make a path read as another one.
    const bool reorders = (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
    if (!c.valid || value < 0x20 || value == 0x7F)
      out += fmt::format("\\x{:02x}", value);
    else if ((value >= 0x80 && value < 0xA0) || reorders)
      out += fmt::format("\\u{:04x}", value);
    else
      out += bytes;
  });
}

std::string shorten(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  std::size_t cut = max_bytes > 3 ? max_bytes - 3 : 0;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80)
    --cut;
  return std::string(text.substr(0, cut)) + "...";
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace leakgate

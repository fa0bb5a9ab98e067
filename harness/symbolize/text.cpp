// SPDX-License-Identifier: Apache-2.0
// Sanitizes names and paths read from object files; see text.h.
#include "harness/symbolize/text.h"

#include <cstdint>

namespace leakgate::symbolize {
namespace {

/// Length of the valid UTF-8 sequence at the start of `text`; 0 where there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  std::uint32_t code = 0;
  if (lead >= 0xc2 && lead < 0xe0)
    length = 2, code = lead & 0x1fU;
  else if (lead >= 0xe0 && lead < 0xf0)
    length = 3, code = lead & 0x0fU;
  else if (lead >= 0xf0 && lead < 0xf5)
    length = 4, code = lead & 0x07U;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  if (length == 2 && code < 0xa0) return 0;  // C1 control characters
  if (length == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) return 0;
  if (length == 4 && (code < 0x10000 || code > 0x10ffff)) return 0;
  return length;
}

}  // namespace

std::string printable_text(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view kEllipsis = "...";
  const bool cut = text.size() > max_bytes;
  const std::size_t limit =
      cut ? (max_bytes > kEllipsis.size() ? max_bytes - kEllipsis.size() : 0) : max_bytes;
  std::string out;
  out.reserve(cut ? max_bytes : text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const std::size_t step = length == 0 ? 1 : length;
    if (out.size() + step > limit) break;
    const auto lead = static_cast<unsigned char>(text[0]);
    if (length == 0 || (length == 1 && (lead < 0x20 || lead == 0x7f))) {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(step);
  }
  if (cut) out += kEllipsis;
  return out;
}

}  // namespace leakgate::symbolize

// SPDX-License-Identifier: Apache-2.0
// How much of a text stands for itself, eight bytes at a time: reports are gigabytes of names and paths in
// which nothing needs an escape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace leakgate {

enum class PlainFor {
  text,  ///< printable ASCII
  json   ///< the same without quotation mark and backslash
};

/// Length of what is plain at the front of `text`.
template <PlainFor kFor>
std::size_t plain_run(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u, kHigh = 0x8080808080808080u;
  // "has a byte below n" and "has a zero byte": exact as yes or no, not as to where
  const auto below = [](std::uint64_t word, std::uint64_t n) { return (word - kOnes * n) & ~word; };
  std::size_t length = 0;
  for (; text.size() - length >= sizeof(std::uint64_t); length += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + length, sizeof word);
    std::uint64_t other = word | (word + kOnes) | below(word, 0x20);  // not ASCII, DEL, control
    if constexpr (kFor == PlainFor::json)
      other |= below(word ^ (kOnes * '"'), 1) | below(word ^ (kOnes * '\\'), 1);
    if ((other & kHigh) != 0) break;
  }
  const auto is_plain = [](char c) {
    return c >= 0x20 && c < 0x7F && (kFor == PlainFor::text || (c != '"' && c != '\\'));
  };
  while (length < text.size() && is_plain(text[length]))
    ++length;
  return length;
}

}  // namespace leakgate

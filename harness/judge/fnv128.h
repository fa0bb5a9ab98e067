// SPDX-License-Identifier: Apache-2.0
// Fnv128: 128-bit FNV-1a (offset basis and prime of the FNV specification) over a sequence of texts. For
// names, not against forgers.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace leakgate::judge {

class Fnv128 {
 public:
  /// Adds `text` and a border, so that ("ab", "c") and ("a", "bc") differ.
  void add(std::string_view text) {
    for (const char c : text)
      add_byte(static_cast<unsigned char>(c));
    add_byte(0);
  }
  /// Adds the eight bytes of `number`.
  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8)
      add_byte(static_cast<unsigned char>(number >> shift));
  }
  /// 32 lower-case digits.
  [[nodiscard]] std::string hex() const {
    return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(hash_ >> 64),
                       static_cast<std::uint64_t>(hash_));
  }
  /// The lower half; for hash tables.
  [[nodiscard]] std::uint64_t low() const { return static_cast<std::uint64_t>(hash_); }
  bool operator==(const Fnv128&) const = default;

 private:
  __extension__ typedef unsigned __int128 Wide;
  void add_byte(unsigned char byte) { hash_ = (hash_ ^ byte) * kPrime; }

  static constexpr Wide kPrime = (static_cast<Wide>(0x0000000001000000ull) << 64) | 0x000000000000013Bull;
  Wide hash_ = (static_cast<Wide>(0x6c62272e07bb0142ull) << 64) | 0x62b821756295c58dull;
};

}  // namespace leakgate::judge

// SPDX-License-Identifier: Apache-2.0
// Hash64: a fast 64-bit hash against accidents (torn writes, mixed-up files), not against an adversary.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace leakgate {

/// Four independent lanes, so that the multiplications overlap; the order of the calls counts.
class Hash64 {
 public:
  void add_word(std::uint64_t word) {
    lanes_[next_] = mix(lanes_[next_], word);
    next_ = (next_ + 1) & 3;
  }

  void add_bytes(std::span<const std::uint8_t> bytes) {
    const std::uint8_t* at = bytes.data();
    std::size_t left = bytes.size();
    add_word(left);
    for (; left >= 32; at += 32, left -= 32) {
      std::uint64_t words[4];
      std::memcpy(words, at, sizeof words);
      for (int lane = 0; lane < 4; ++lane)
        lanes_[lane] = mix(lanes_[lane], words[lane]);
    }
    while (left > 0) {
      const std::size_t part = left < 8 ? left : 8;
      std::uint64_t word = 0;
      std::memcpy(&word, at, part);
      add_word(word);
      at += part;
      left -= part;
    }
  }

  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t hash = kPrime;
    for (const std::uint64_t lane : lanes_)
      hash = mix(hash, lane);
    hash ^= hash >> 29;
    return hash * kPrime;
  }

 private:
  static constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15U;
  static std::uint64_t mix(std::uint64_t state, std::uint64_t word) {
    state = (state ^ word) * kPrime;
    return state ^ (state >> 32);
  }

  std::uint64_t lanes_[4] = {1, 2, 3, 4};
  unsigned next_ = 0;
};

}  // namespace leakgate

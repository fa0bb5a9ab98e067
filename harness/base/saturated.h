// SPDX-License-Identifier: Apache-2.0
// Sums that stay at the highest value: what is read from files may be any number.
#pragma once

#include <cstdint>

namespace leakgate {

/// a + b, or the highest value where that would overflow.
[[nodiscard]] constexpr std::uint64_t add_saturated(std::uint64_t a, std::uint64_t b) {
  return b > ~a ? ~std::uint64_t{0} : a + b;
}

/// Adds `value` to `total` in that way.
constexpr void add_to(std::uint64_t& total, std::uint64_t value) {
  total = add_saturated(total, value);
}

}  // namespace leakgate

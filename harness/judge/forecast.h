// SPDX-License-Identifier: Apache-2.0
// Forecast: from what each round of a test added, when a limit of memory is reached. In: bytes by round. Out:
// rounds and seconds from the end on, with 95 % intervals. Growth that goes on as it did is all it knows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "harness/model/verdict.h"

namespace leakgate::judge {

/// How a site grows, and where the process stands.
struct GrowthSoFar {
  model::GrowthPattern pattern = model::GrowthPattern::none;
  std::span<const std::uint64_t> added_bytes;  ///< by round
  std::uint64_t held_bytes = 0;                ///< by the process in all, at the end
  double round_s = 0;                          ///< duration of a round
};

/// Linear and stepped growth: the mean of the rounds after the first, with Student's interval. Exponential
/// growth: the line through the logarithms, with the interval of its slope. Nothing where nothing grows, or
/// fewer than three rounds came after the first.
[[nodiscard]] std::optional<model::LimitForecast> forecast(const GrowthSoFar& growth,
                                                           std::uint64_t limit_bytes);

}  // namespace leakgate::judge

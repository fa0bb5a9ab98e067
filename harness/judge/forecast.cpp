// SPDX-License-Identifier: Apache-2.0
// See forecast.h.
#include "harness/judge/forecast.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace leakgate::judge {
namespace {

using model::ForecastSpan;
using model::GrowthPattern;

/// Student's t at 97.5 %, by degrees of freedom from 1 on; the normal value beyond.
double student(std::size_t freedom) {
  constexpr std::array<double, 30> kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                             2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                             2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                             2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
  return freedom == 0 ? kTable[0] : freedom <= kTable.size() ? kTable[freedom - 1] : 1.96;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values)
    sum += value;
  return sum / static_cast<double>(values.size());
}

/// Rounds until `needed` bytes more, at the mean of what each adds.
ForecastSpan at_mean(const std::vector<double>& added, double needed) {
  const double mean = mean_of(added);
  double squares = 0;
  for (const double value : added)
    squares += (value - mean) * (value - mean);
  const auto count = static_cast<double>(added.size());
  const double half = student(added.size() - 1) * std::sqrt(squares / (count - 1) / count);
  ForecastSpan span{needed / mean, needed / (mean + half), std::nullopt};
  if (mean > half) span.high = needed / (mean - half);
  return span;
}

/// Rounds until `needed` bytes more, where the next round adds `next` and each one `ratio` times as much.
double at_ratio(double next, double ratio, double needed) {
  if (ratio <= 1 + 1e-9) return needed / next;
  return std::log1p(needed * (ratio - 1) / next) / std::log(ratio);
}

ForecastSpan at_rising(const std::vector<double>& added, double needed) {
  const auto count = static_cast<double>(added.size());
  const double middle = (count - 1) / 2;
  std::vector<double> logs;
  for (const double value : added)
    logs.push_back(std::log(value));
  const double mean = mean_of(logs);
  double products = 0, squares = 0;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const double at = static_cast<double>(i) - middle;
    products += at * (logs[i] - mean);
    squares += at * at;
  }
  const double slope = products / squares;
  double rest = 0;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const double off = logs[i] - mean - slope * (static_cast<double>(i) - middle);
    rest += off * off;
  }
  const double half = student(added.size() - 2) * std::sqrt(rest / (count - 2) / squares);
  const auto rounds = [&](double with) {
    return at_ratio(std::exp(mean + with * (count - middle)), std::exp(with), needed);
  };
  return {rounds(slope), rounds(slope + half), rounds(std::max(0.0, slope - half))};
}

ForecastSpan times(const ForecastSpan& span, double factor) {
  ForecastSpan result{span.expected * factor, span.low * factor, std::nullopt};
  if (span.high) result.high = *span.high * factor;
  return result;
}

}  // namespace

std::optional<model::LimitForecast> forecast(const GrowthSoFar& growth, std::uint64_t limit_bytes) {
  constexpr std::size_t kFewestAdded = 3;
  const bool rises = growth.pattern == GrowthPattern::exponential;
  if (!rises && growth.pattern != GrowthPattern::linear && growth.pattern != GrowthPattern::stepped)
    return std::nullopt;
  if (growth.added_bytes.size() < kFewestAdded + 1) return std::nullopt;
  std::vector<double> added;  // the first round sets things up
  for (const std::uint64_t bytes : growth.added_bytes.subspan(1))
    added.push_back(static_cast<double>(bytes));
  if (mean_of(added) <= 0 || (rises && *std::min_element(added.begin(), added.end()) <= 0))
    return std::nullopt;
  model::LimitForecast result;
  result.limit_bytes = limit_bytes;
  result.held_bytes = growth.held_bytes;
  const double needed =
      limit_bytes > growth.held_bytes ? static_cast<double>(limit_bytes - growth.held_bytes) : 0;
  result.rounds = rises ? at_rising(added, needed) : at_mean(added, needed);
  result.seconds = times(result.rounds, growth.round_s);
  return result;
}

}  // namespace leakgate::judge

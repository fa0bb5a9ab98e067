// SPDX-License-Identifier: Apache-2.0
// See quality.h.
#include "tests/calibration/fit/quality.h"

#include <algorithm>
#include <set>

namespace leakgate::fit {

double brier(const std::vector<HeldOut>& findings) {
  double sum = 0, count = 0;
  for (const auto& [finding, probability] : findings) {
    const double wrong = probability - (finding.leak ? 1 : 0);
    sum += finding.count * wrong * wrong;
    count += finding.count;
  }
  return count > 0 ? sum / count : 0;
}

std::vector<Bin> reliability(const std::vector<HeldOut>& findings) {
  std::vector<Bin> bins(10);
  for (const auto& [finding, probability] : findings) {
    Bin& bin = bins[std::min<std::size_t>(9, static_cast<std::size_t>(probability * 10))];
    bin.findings += finding.count;
    bin.mean += finding.count * probability;
    bin.share += finding.leak ? finding.count : 0;
  }
  for (Bin& bin : bins) {
    if (bin.findings == 0) continue;
    bin.mean /= bin.findings;
    bin.share /= bin.findings;
  }
  return bins;
}

Threshold threshold_for(const std::vector<HeldOut>& findings, double chosen_rate) {
  const auto rate_from = [&](double confidence, bool leak) {
    double above = 0, all = 0;
    for (const auto& [finding, probability] : findings) {
      if (finding.leak != leak) continue;
      all += finding.count;
      above += probability >= confidence ? finding.count : 0;
    }
    return all > 0 ? above / all : 0;
  };
  std::set<double> candidates{1.0};
  for (const auto& [finding, probability] : findings)
    candidates.insert(std::min(1.0, static_cast<int>(probability * 1000 + 1) / 1000.0));
  for (const double confidence : candidates)
    if (const double rate = rate_from(confidence, false); rate <= chosen_rate)
      return {chosen_rate, confidence, rate, rate_from(confidence, true)};
  return {chosen_rate, 1, 0, 0};
}

}  // namespace leakgate::fit

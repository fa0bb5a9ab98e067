// SPDX-License-Identifier: Apache-2.0
// How good probabilities are: Brier score, reliability, and thresholds for a chosen rate of false alarms.
// Pure.
#pragma once

#include <vector>

#include "tests/calibration/fit/logistic.h"

namespace leakgate::fit {

/// Findings whose probability is in one tenth of 0 to 1.
struct Bin {
  double findings = 0;
  double mean = 0;   ///< probability they were given
  double share = 0;  ///< of them that are leaks
};

/// From this confidence on at most `false_positive_rate` of what is no leak is called one.
struct Threshold {
  double chosen_rate = 0;
  double confidence = 1;
  double false_positive_rate = 0;  ///< of findings that are no leaks: those at or above it
  double true_positive_rate = 0;   ///< of leaks, likewise
};

/// Mean square of the difference to what is so (Brier 1950); 0 of nothing.
double brier(const std::vector<HeldOut>& findings);
/// Ten bins.
std::vector<Bin> reliability(const std::vector<HeldOut>& findings);
/// The lowest confidence that keeps the rate.
Threshold threshold_for(const std::vector<HeldOut>& findings, double chosen_rate);

}  // namespace leakgate::fit

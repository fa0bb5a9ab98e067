// SPDX-License-Identifier: Apache-2.0
// Logistic regression with a ridge, and Platt's calibration of its scores. Pure; the algebra is Eigen's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/calibration/fit/findings.h"

namespace leakgate::fit {

struct Model {
  judge::Features coefficients{};
  double platt_slope = 1;
  double platt_offset = 0;

  [[nodiscard]] double score(const judge::Features& features) const;
  [[nodiscard]] double probability(const judge::Features& features) const;
};

/// Weight of the ridge on all coefficients but the constant: so many findings' worth of doubt.
inline constexpr double kRidge = 3;

/// Coefficients of the most probable logistic model of `findings`, by Newton's method; Platt's are left as
/// they are.
judge::Features fit_coefficients(const std::vector<Finding>& findings);

/// The whole model: coefficients of all `findings`, and Platt's slope and offset over the scores that each
/// family gets from the others. Families of their own leave the slope at 1.
Model fit_model(const std::vector<Finding>& findings);

/// A finding and the probability that it got from a model that has not seen its family.
struct HeldOut {
  Finding finding;
  double probability = 0;
};

/// For each family a model of all others, over the findings of that family.
std::vector<HeldOut> leave_one_family_out(const std::vector<Finding>& findings);

}  // namespace leakgate::fit

// SPDX-License-Identifier: Apache-2.0
// See logistic.h.
#include "tests/calibration/fit/logistic.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>

namespace leakgate::fit {
namespace {

constexpr int kMostSteps = 100;
constexpr double kSmallStep = 1e-10;

double logistic(double score) {
  return 1 / (1 + std::exp(-score));
}

/// Newton's method for targets between 0 and 1; `ridge` for each column.
Eigen::VectorXd newton(const Eigen::MatrixXd& rows, const Eigen::VectorXd& targets,
                       const Eigen::VectorXd& weights, const Eigen::VectorXd& ridge, Eigen::VectorXd start) {
  for (int step = 0; step < kMostSteps; ++step) {
    const Eigen::VectorXd probabilities = (rows * start).unaryExpr([](double s) { return logistic(s); });
    const Eigen::VectorXd gradient =
        rows.transpose() * weights.cwiseProduct(targets - probabilities) - ridge.cwiseProduct(start);
    const Eigen::VectorXd curvature =
        weights.array() * probabilities.array() * (1 - probabilities.array()) + 1e-12;
    Eigen::MatrixXd hessian = rows.transpose() * curvature.asDiagonal() * rows;
    hessian += ridge.asDiagonal();
    const Eigen::VectorXd change = hessian.ldlt().solve(gradient);
    // long steps overshoot where classes are almost apart
    const double longest = change.cwiseAbs().maxCoeff();
    start += change * std::min(1.0, 2.0 / longest);
    if (longest < kSmallStep) break;
  }
  return start;
}

struct Scored {
  double score, weight;
  bool leak;
};

/// Platt's slope and offset, with his smoothed targets.
void fit_platt(const std::vector<Scored>& scored, Model& model) {
  double leaks = 0, others = 0;
  for (const Scored& one : scored)
    (one.leak ? leaks : others) += one.weight;
  if (leaks == 0 || others == 0) return;
  const auto size = static_cast<Eigen::Index>(scored.size());
  Eigen::MatrixXd rows(size, 2);
  Eigen::VectorXd targets(size), weights(size);
  for (Eigen::Index i = 0; i < size; ++i) {
    const Scored& one = scored[static_cast<std::size_t>(i)];
    rows.row(i) << one.score, 1;
    targets(i) = one.leak ? (leaks + 1) / (leaks + 2) : 1 / (others + 2);
    weights(i) = one.weight;
  }
  const Eigen::Vector2d result =
      newton(rows, targets, weights, Eigen::Vector2d(1e-6, 1e-6), Eigen::Vector2d(1, 0));
  model.platt_slope = result(0);
  model.platt_offset = result(1);
}

std::set<std::string> families_of(const std::vector<Finding>& findings) {
  std::set<std::string> families;
  for (const Finding& row : findings)
    families.insert(row.family);
  return families;
}

std::vector<Finding> of_family(const std::vector<Finding>& findings, const std::string& family, bool is) {
  std::vector<Finding> result;
  std::copy_if(findings.begin(), findings.end(), std::back_inserter(result),
               [&](const Finding& row) { return (row.family == family) == is; });
  return result;
}

}  // namespace

double Model::score(const judge::Features& features) const {
  double sum = 0;
  for (std::size_t i = 0; i < features.size(); ++i)
    sum += coefficients[i] * features[i];
  return sum;
}

double Model::probability(const judge::Features& features) const {
  return std::clamp(logistic(platt_slope * score(features) + platt_offset), judge::kLeastConfidence,
                    1 - judge::kLeastConfidence);
}

judge::Features fit_coefficients(const std::vector<Finding>& findings) {
  const auto size = static_cast<Eigen::Index>(findings.size());
  const auto columns = static_cast<Eigen::Index>(judge::kFeatures.size());
  Eigen::MatrixXd rows(size, columns);
  Eigen::VectorXd targets(size), weights(size);
  for (Eigen::Index i = 0; i < size; ++i) {
    const Finding& finding = findings[static_cast<std::size_t>(i)];
    for (Eigen::Index k = 0; k < columns; ++k)
      rows(i, k) = finding.features[static_cast<std::size_t>(k)];
    targets(i) = finding.leak ? 1 : 0;
    weights(i) = finding.count;
  }
  Eigen::VectorXd ridge = Eigen::VectorXd::Constant(columns, kRidge);
  ridge(0) = 1e-6;
  const Eigen::VectorXd result = newton(rows, targets, weights, ridge, Eigen::VectorXd::Zero(columns));
  judge::Features coefficients{};
  for (Eigen::Index k = 0; k < columns; ++k)
    coefficients[static_cast<std::size_t>(k)] = result(k);
  return coefficients;
}

Model fit_model(const std::vector<Finding>& findings) {
  Model model;
  std::vector<Scored> scored;
  const std::set<std::string> families = families_of(findings);
  for (const std::string& family : families) {
    if (families.size() < 2) break;
    model.coefficients = fit_coefficients(of_family(findings, family, false));
    for (const Finding& row : of_family(findings, family, true))
      scored.push_back({model.score(row.features), row.count, row.leak});
  }
  model.coefficients = fit_coefficients(findings);
  fit_platt(scored, model);
  return model;
}

std::vector<HeldOut> leave_one_family_out(const std::vector<Finding>& findings) {
  std::vector<HeldOut> result;
  for (const std::string& family : families_of(findings)) {
    const Model model = fit_model(of_family(findings, family, false));
    for (const Finding& row : of_family(findings, family, true))
      result.push_back({row, model.probability(row.features)});
  }
  return result;
}

}  // namespace leakgate::fit

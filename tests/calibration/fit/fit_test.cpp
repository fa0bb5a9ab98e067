// SPDX-License-Identifier: Apache-2.0
// The algebra of the fit, on made-up findings.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/calibration/fit/model_file.h"

namespace leakgate::fit {
namespace {

Finding finding(const std::string& family, bool leak, double reachable, double count) {
  Finding row{family, reachable > 0 ? "still_reachable" : "definitely_lost", leak, count, {}};
  row.features[0] = 1;
  row.features[3] = reachable;
  return row;
}

/// Of what is lost nine in ten are leaks, of what is reachable two in ten.
std::vector<Finding> some(const std::string& family, double times = 100) {
  return {finding(family, true, 0, 9 * times), finding(family, false, 0, times),
          finding(family, true, 1, 2 * times), finding(family, false, 1, 8 * times)};
}

std::vector<Finding> both(std::vector<Finding> one, const std::vector<Finding>& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

TEST(Fit, FindsTheSharesThatAreThere) {
  const judge::Features found = fit_coefficients(some("a", 1000));
  EXPECT_NEAR(found[0], std::log(9), 0.02);
  EXPECT_NEAR(found[0] + found[3], std::log(0.25), 0.02);
  EXPECT_EQ(found[5], 0) << "nothing is known of what never varies";
}

TEST(Fit, ManyDoubtsCountForMoreThanFew) {
  EXPECT_LT(std::abs(fit_coefficients(some("a", 0.1))[3]), std::abs(fit_coefficients(some("a", 100))[3]));
}

TEST(Fit, AFamilyIsHeldOutWhole) {
  std::vector<Finding> odd = some("odd");
  for (Finding& row : odd)
    row.leak = !row.leak;
  for (const HeldOut& one : leave_one_family_out(both(some("plain"), odd))) {
    const bool reachable = one.finding.features[3] > 0;
    const bool probable = one.probability > 0.5;
    // each is told by the other family alone, which is of the opposite opinion
    EXPECT_EQ(probable, (one.finding.family == "odd") != reachable) << one.finding.family;
  }
}

TEST(Fit, PlattLowersWhatFamiliesDoNotBearOut) {
  EXPECT_NEAR(fit_model(both(some("a"), some("b"))).platt_slope, 1, 0.1);
  std::vector<Finding> vague = some("b");
  for (Finding& row : vague)
    row.count = 500;  // no share at all
  EXPECT_LT(fit_model(both(some("a"), vague)).platt_slope, 0.9);
}

TEST(FitQuality, BrierReliabilityAndThreshold) {
  const std::vector<HeldOut> findings{{finding("a", true, 0, 3), 0.95},
                                      {finding("a", false, 0, 1), 0.9},
                                      {finding("a", false, 1, 3), 0.15},
                                      {finding("a", true, 1, 1), 0.15}};
  EXPECT_NEAR(brier(findings), (3 * 0.0025 + 0.81 + 3 * 0.0225 + 0.7225) / 8, 1e-12);
  const std::vector<Bin> bins = reliability(findings);
  EXPECT_EQ(bins[9].findings, 4);
  EXPECT_EQ(bins[9].share, 0.75);
  EXPECT_NEAR(bins[1].mean, 0.15, 1e-12);
  const Threshold quarter = threshold_for(findings, 0.25);
  EXPECT_LE(quarter.confidence, 0.9);
  EXPECT_GT(quarter.confidence, 0.15);
  EXPECT_EQ(quarter.false_positive_rate, 0.25);
  EXPECT_EQ(quarter.true_positive_rate, 0.75);
  EXPECT_GT(threshold_for(findings, 0.1).confidence, 0.9);
}

TEST(FitFiles, AreReadBackAndCompared) {
  Findings findings;
  for (const char* family : {"a", "b"})
    for (Finding row : some(family))
      findings.add(std::move(row));
  for (Finding row : some("a"))
    findings.add(std::move(row));  // again: counted
  const std::string text = format_findings(findings);
  const auto again = parse_findings(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(format_findings(*again), text);
  EXPECT_EQ(again->rows().size(), 8u);
  EXPECT_FALSE(parse_findings("family,kind\n"));
  EXPECT_FALSE(parse_findings(text + "a,b,1,x\n"));
  const Fitted fitted = fit_all(findings);
  const std::string model = format_model(fitted, findings, {"2026-01-01", "6.18", "leakgate", {"a run"}});
  EXPECT_EQ(difference(model, fitted), "");
  EXPECT_EQ(provenance_in(model).runs, std::vector<std::string>{"a run"});
  Fitted other = fitted;
  other.with_kinds.coefficients[3] += 0.001;
  EXPECT_NE(difference(model, other), "");
  other = fitted;
  other.with_kinds.platt_offset += 0.001;
  EXPECT_NE(difference(model, other), "");
}

}  // namespace
}  // namespace leakgate::fit

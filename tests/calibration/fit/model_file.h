// SPDX-License-Identifier: Apache-2.0
// The model as a file, leakgate-confidence/1: coefficients, where they come from, and how well they held on
// families that they were not fitted on.
#pragma once

#include <string>
#include <vector>

#include "tests/calibration/fit/quality.h"

namespace leakgate::fit {

/// Where the findings come from; made by `collect`, carried from file to file.
struct Provenance {
  std::string date, kernel, leakgate;
  std::vector<std::string> runs;
};

struct Fitted {
  Model with_kinds, without_kinds;
  std::vector<HeldOut> held_out, held_out_without;
};

Fitted fit_all(const Findings& findings);

/// JSON: harness/judge/confidence_model.json.
std::string format_model(const Fitted& fitted, const Findings& findings, const Provenance& provenance);
/// The provenance in such a text; empty where there is none.
Provenance provenance_in(const std::string& text);
/// What differs between the coefficients in `text` and `fitted` by more than a millionth; empty: nothing.
std::string difference(const std::string& text, const Fitted& fitted);
/// Brier score, families, reliability and thresholds, for people.
std::string quality_table(const Fitted& fitted);

}  // namespace leakgate::fit

// SPDX-License-Identifier: Apache-2.0
// Labels: whether a finding is a true leak, whatever the gate made of it, and of which family it is. In: a
// finding, the truth. Out: a label, or none where the truth says nothing of it. Pure.
#pragma once

#include <optional>
#include <string>

#include "simulator/score.h"
#include "simulator/truth_file.h"

namespace leakgate::simulator {

/// A leak: lost, or held by what holds more and more as it goes on. What is in use to the end, and does not
/// grow, is none, whatever it looks like.
struct FindingLabel {
  std::string family;
  bool leak = false;
};

/// A finding in the process of one twin of `scenario`, whose truth is `truth`.
std::optional<FindingLabel> label_in_scenario(const ReportedLeak& finding, const Truth& truth,
                                              const std::string& scenario);

/// A finding in a test binary; its test names the scenario, or the case of growth.
std::optional<FindingLabel> label_in_tests(const ReportedLeak& finding, const Truth& truth);

}  // namespace leakgate::simulator

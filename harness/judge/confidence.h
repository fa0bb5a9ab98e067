// SPDX-License-Identifier: Apache-2.0
// Confidence: how probable it is that a finding is a leak. Facts of the recording go in as features; a
// logistic model that was fitted on the simulator's scenarios (confidence_model.json, with its provenance)
// makes a probability of them. How it is fitted and how well it holds: docs/calibration.md.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "harness/judge/growth.h"
#include "harness/judge/leaks.h"

namespace leakgate::judge {

/// In the order of the model file. What does not apply is 0.
inline constexpr std::array<std::string_view, 17> kFeatures = {
    "constant",         ///< 1
    "indirectly_lost",  ///< kind; none of them: definitely lost, or unclassified
    "possibly_lost",
    "still_reachable",
    "cycle",
    "grows",             ///< reachable, over four rounds and more: linear, exponential, in steps
    "settles",           ///< likewise: once, saturating, replaced
    "undecided",         ///< likewise
    "repeated",          ///< not reachable, in a test of four rounds and more
    "repeated_share",    ///< likewise: share of the rounds that left something
    "never_freed",       ///< share of the blocks of this stack that were not freed
    "outlives",          ///< share of its freed blocks that lived shorter than the youngest that is left
    "blocks",            ///< log2 of their number, a tenth of it
    "reachable_blocks",  ///< the same of reachable ones, in fewer rounds
    "lost_at_end",       ///< they were lost only when the process ended
    "no_line",           ///< unwinding or symbols were poor: the site has no source line
    "reachable_no_line"  ///< the same of reachable ones: a runtime's own cannot be told from the program's
};
using Features = std::array<double, kFeatures.size()>;

/// Lowest and highest probability that is given: a model of some thousand findings knows no more.
inline constexpr double kLeastConfidence = 0.001;

/// One for each of `candidates`, in their order; `growth` as find_growth() gives it.
[[nodiscard]] std::vector<Features> features_of(const std::vector<Candidate>& candidates,
                                                const std::vector<Growth>& growth,
                                                const model::Recording& recording);

/// The probability, kLeastConfidence to 1 - kLeastConfidence. What is unclassified has a model of its own,
/// fitted without the kinds.
[[nodiscard]] double confidence_of(const Features& features, model::Kind kind);

/// Gives each candidate its confidence; what a runtime or framework keeps for itself has 0.
void set_confidence(std::vector<Candidate>& candidates, const std::vector<Growth>& growth,
                    const model::Recording& recording);

}  // namespace leakgate::judge

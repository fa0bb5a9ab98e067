// SPDX-License-Identifier: Apache-2.0
// Confidence against the truth: Brier score and reliability of the probabilities that the gate gave. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "simulator/calibrate/labels.h"

namespace leakgate::simulator {

/// Findings whose confidence is in one tenth of 0 to 1.
struct ReliabilityBin {
  std::uint64_t findings = 0;
  std::uint64_t leaks = 0;
  double sum = 0;  ///< of their confidences
};

struct ConfidenceTally {
  std::uint64_t findings = 0;
  std::uint64_t leaks = 0;
  double squares = 0;  ///< of the differences to what is so
  std::array<ReliabilityBin, 10> bins{};

  /// What a runtime keeps for itself (confidence 0) is no finding, nor is what has no label.
  void add(double confidence, const std::optional<FindingLabel>& label);
  /// Mean square of the difference to what is so (Brier 1950); 0 of nothing.
  [[nodiscard]] double brier() const { return findings == 0 ? 0 : squares / static_cast<double>(findings); }
};

}  // namespace leakgate::simulator

// SPDX-License-Identifier: Apache-2.0
// See confidence_tally.h.
#include "simulator/calibrate/confidence_tally.h"

#include <algorithm>

namespace leakgate::simulator {

void ConfidenceTally::add(double confidence, const std::optional<FindingLabel>& label) {
  if (!label || confidence <= 0) return;
  const double wrong = confidence - (label->leak ? 1 : 0);
  ++findings;
  leaks += label->leak ? 1 : 0;
  squares += wrong * wrong;
  ReliabilityBin& bin = bins[std::min<std::size_t>(9, static_cast<std::size_t>(confidence * 10))];
  ++bin.findings;
  bin.leaks += label->leak ? 1 : 0;
  bin.sum += confidence;
}

}  // namespace leakgate::simulator

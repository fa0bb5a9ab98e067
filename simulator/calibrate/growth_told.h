// SPDX-License-Identifier: Apache-2.0
// Growth told by repetition: of the cases of growth, which the gate fails on. In: its result. Out: how often
// it was right, for each case and in all. Pure.
#pragma once

#include <string>
#include <vector>

#include "simulator/calibrate/tally.h"
#include "simulator/growth/repetition.h"

namespace leakgate::simulator {

/// One twin of a case, over all seeds.
struct GrowthRow {
  std::string name, family;
  bool grows = false;
  Rate told;                        ///< right
  std::vector<std::string> faults;  ///< the first few
};

struct GrowthTally {
  Rate told;     ///< right, in all
  Rate growing;  ///< growing twins on which the gate failed, at the right site
  Rate settled;  ///< settled twins on which it did not fail
  std::vector<GrowthRow> rows;

  /// Adds the run of all cases with one seed. What is incomplete tells nothing, and is wrong.
  void add(const ReportedResult& result, std::uint64_t seed);
};

}  // namespace leakgate::simulator

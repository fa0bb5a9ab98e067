// SPDX-License-Identifier: Apache-2.0
// The figures that leakgate promises, computed from measurements of one run. In: Measurements. Out: a value,
// a target and whether it was reached, each.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/cost/measure.h"

namespace leakgate::bench {

struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  double target = 0;
  bool at_least = false;  ///< the target is a lower bound; else an upper one
  std::string from;       ///< how it was computed, in numbers
  [[nodiscard]] bool reached() const { return at_least ? value >= target : value <= target; }
};

/// Those whose measurements are there.
std::vector<Figure> compute_figures(const Measurements& measured);
/// The part of them that is about the preload backend's time.
std::vector<Figure> compute_preload_figures(const Measurements& measured);

}  // namespace leakgate::bench

// SPDX-License-Identifier: Apache-2.0
// The table on the screen and the JSON file (leakgate-cost/1).
#pragma once

#include <string>
#include <vector>

#include "tests/bench/cost/figures.h"
#include "tests/bench/cost/measure.h"

namespace leakgate::bench {

/// Measurements by workload, each with what it adds over native, then the figures with their targets.
std::string format_table(const Measurements& measured, const std::vector<Figure>& figures);

/// The same as JSON. `missing`: contenders that are not installed.
std::string format_json(const Measurements& measured, const std::vector<Figure>& figures,
                        const MeasureOptions& options, const std::vector<std::string>& missing);

}  // namespace leakgate::bench

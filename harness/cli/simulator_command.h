// SPDX-License-Identifier: Apache-2.0
// `leakgate simulate` and `leakgate calibrate`: leakgate-sim, a program beside this one, does both.
#pragma once

#include <string>
#include <vector>

namespace leakgate::cli {

/// True if the first argument is simulate or calibrate.
bool is_simulator_command(const std::vector<std::string>& arguments);

/// Becomes leakgate-sim with these arguments. Returns only where it cannot: 125.
int run_simulator(const std::vector<std::string>& arguments);

}  // namespace leakgate::cli

// SPDX-License-Identifier: Apache-2.0
// The command line: the only floor that prints.
#pragma once

#include <string>
#include <vector>

#include "harness/cli/options.h"
#include "harness/launch/caller_state.h"

namespace leakgate::cli {

/// Runs leakgate with these arguments (without the program's name); `caller` is the state leakgate was
/// started in. Returns the exit status.
int run(const std::vector<std::string>& arguments, const launch::CallerState& caller);

/// `leakgate doctor`: examines this machine, prints what it found to standard output. 0 if tracing works, 125
/// if not.
int run_doctor(const Options& options, const launch::CallerState& caller);

/// What doctor traces: calls each allocation function in a known way, and leaves known blocks behind.
int run_self_test_target();

}  // namespace leakgate::cli

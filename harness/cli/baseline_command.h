// SPDX-License-Identifier: Apache-2.0
// leakgate baseline show|diff|update: looking at accepted leaks, comparing, ratcheting.
#pragma once

#include "harness/cli/options.h"

namespace leakgate::cli {

/// Runs the action of `options`; prints to standard output. 0, 23 where something is new or has grown and is
/// not accepted, 125 where it cannot be told.
int run_baseline(const Options& options);

}  // namespace leakgate::cli

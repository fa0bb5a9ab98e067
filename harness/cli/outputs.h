// SPDX-License-Identifier: Apache-2.0
// Where the commands write to: found out before anything is run or written whether that can work, and that it
// is not what they read from.
#pragma once

#include "harness/base/result.h"
#include "harness/cli/options.h"
#include "harness/judge/policy.h"

namespace leakgate::cli {

/// Whether every file that `options` names for writing can be written. Fails with what check_writable says.
Status check_outputs(const Options& options);

/// Whether one of them is standard output.
bool writes_to_output(const Options& options);

/// Whether none of them is a recording, a policy, suppressions, a baseline or a JUnit file that is read,
/// under this name or another. Fails with ErrorKind::usage.
Status check_overwrites(const Options& options, const judge::Policy& policy);

}  // namespace leakgate::cli

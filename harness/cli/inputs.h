// SPDX-License-Identifier: Apache-2.0
// Recordings from the command line: read, checked against each other, merged.
#pragma once

#include "harness/base/result.h"
#include "harness/cli/options.h"
#include "harness/model/recording.h"

namespace leakgate::cli {

/// The recordings that `options` names, as one. Fails as read_recording, check_parts and merge do.
Result<model::Recording> read_recordings(const Options& options);

}  // namespace leakgate::cli

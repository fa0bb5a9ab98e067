// SPDX-License-Identifier: Apache-2.0
// Merging the recordings of several shards (parallel jobs, parts of one suite) into one.
#pragma once

#include <vector>

#include "harness/base/result.h"
#include "harness/model/recording.h"

namespace leakgate::judge {

/// The recordings one after the other, as one: rows are renumbered, counters added, reasons for
/// incompleteness joined by cause. The exit is the worst (a signal, then the highest code), the start the
/// earliest, the wall time the longest (shards run side by side), the peak the highest. Fails with
/// ErrorKind::usage if there are none, ErrorKind::format if they are too many rows.
Result<model::Recording> merge(std::vector<model::Recording> recordings);

}  // namespace leakgate::judge

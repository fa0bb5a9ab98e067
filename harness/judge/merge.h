// SPDX-License-Identifier: Apache-2.0
// Merging the recordings of several shards (parallel jobs, parts of one suite) into one.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/model/recording.h"

namespace leakgate::judge {

/// What recordings may be merged.
enum class MergeRule {
  parts,  ///< parts of one suite: the same program, build, command and version of leakgate
  whole,  ///< likewise, and one part alone is refused too
  any     ///< whatever was recorded by the same version of leakgate
};

/// Whether `recordings`, read from the files `names`, make one run: none twice, not mixed, and no part
/// missing where they say how many there are. `expected` is how many there must be, 0 for any number. Fails
/// with ErrorKind::usage, naming the first two that do not fit.
Status check_parts(const std::vector<model::Recording>& recordings, const std::vector<std::string>& names,
                   MergeRule rule, std::size_t expected = 0);

/// The recordings one after the other, as one: rows are renumbered, counters added, reasons for
/// incompleteness joined by cause. The exit is the worst (a signal, then the highest code), the start the
/// earliest, the wall time the longest (shards run side by side), the peak the highest; all parts of a suite
/// are part 1 of 1. Fails with ErrorKind::usage if there are none, ErrorKind::format if they are too many
/// rows.
Result<model::Recording> merge(std::vector<model::Recording> recordings);

}  // namespace leakgate::judge

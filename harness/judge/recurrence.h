// SPDX-License-Identifier: Apache-2.0
// Tests that were run again: which leaks came again. In: the leaks of all runs. Out: each leak once, with the
// number of runs it was seen in.
#pragma once

#include <vector>

#include "harness/judge/leaks.h"
#include "harness/model/recording.h"

namespace leakgate::judge {

/// Leaves each leak (test, fingerprint, reachable or not) once, and counts the runs in which its test ran to
/// its end and those in which it was seen. Of suspects that were run again, what the run itself did not have
/// is left out; of whole runs, it becomes a leak of the run's own test of that name. Does nothing where
/// nothing was run again.
void fold_reruns(std::vector<Candidate>& candidates, model::Recording& recording);

}  // namespace leakgate::judge

// SPDX-License-Identifier: Apache-2.0
// What a run missed, in words: every lost event, unexamined process and open window becomes a reason why the
// run is incomplete.
#pragma once

#include <string>
#include <vector>

#include "harness/model/recording.h"
#include "harness/model/trace.h"
#include "harness/pipeline/run_loop.h"

namespace leakgate::pipeline {

/// The reasons, in a stable order; empty for a complete run.
std::vector<model::IncompleteReason> find_gaps(const model::Trace& trace, const RunOutcome& outcome,
                                               const model::Recording& recording);

/// A sentence for each judged program without symbols, whose tests could therefore not be told apart.
std::vector<std::string> describe_stripped(const model::Recording& recording);

/// A sentence for each program with a test framework of which no test was seen to run.
std::vector<std::string> describe_idle(const model::Trace& trace);

}  // namespace leakgate::pipeline

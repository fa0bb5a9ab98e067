// SPDX-License-Identifier: Apache-2.0
// The canary: at the end of a run, and under its probes, a process of leakgate's own loses one block and
// frees another. A tracer that does not see both has not seen the target either.
#pragma once

#include <vector>

#include "harness/capture/heap_tracer.h"
#include "harness/launch/target.h"
#include "harness/model/recording.h"

namespace leakgate::pipeline {

/// Lets the target's canary run while the probes still stand. Returns why the run proves nothing: one reason,
/// or none.
std::vector<model::IncompleteReason> prove_sight(launch::Target& target, capture::HeapTracer& tracer);

}  // namespace leakgate::pipeline

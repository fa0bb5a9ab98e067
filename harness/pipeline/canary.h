// SPDX-License-Identifier: Apache-2.0
// The canary: at the end of a run, and under its probes, a process of leakgate's own loses one block and
// frees another. A tracer that does not see both has not seen the target either.
#pragma once

#include <optional>
#include <vector>

#include "harness/capture/heap_tracer.h"
#include "harness/launch/target.h"
#include "harness/model/recording.h"

namespace leakgate::pipeline {

struct CanaryFindings {
  std::vector<model::IncompleteReason> blindness;  ///< why the run proves nothing: one reason, or none
  std::optional<double> pair_ns;                   ///< what a malloc/free pair took in it, if it was asked
};

/// Lets the target's canary run while the probes still stand. With `timed`, it measures first what a pair
/// takes.
CanaryFindings prove_sight(launch::Target& target, capture::HeapTracer& tracer, bool timed);

}  // namespace leakgate::pipeline

// SPDX-License-Identifier: Apache-2.0
// The command, held under a tracer: by the first of the backends asked for that is allowed here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/capture/heap_tracer.h"
#include "harness/launch/target.h"
#include "harness/pipeline/record.h"

namespace leakgate::pipeline {

struct StartedTarget {
  launch::Target target;
  std::unique_ptr<capture::HeapTracer> tracer;
  std::vector<std::string> notes;  ///< why a backend was passed over
};

/// Holds the command before its exec and sets a tracer up on it. `hooks` makes what each tracer is given.
/// Fails as Target::hold() does, or as the last backend does.
Result<StartedTarget> start_traced(const RecordRequest& request, const std::vector<std::string>& objects,
                                   const std::function<capture::TracerHooks()>& hooks);

}  // namespace leakgate::pipeline

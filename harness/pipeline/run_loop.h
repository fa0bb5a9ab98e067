// SPDX-License-Identifier: Apache-2.0
// The wait for a running target: its end, the tracer's records, the caller's signals, the time limit.
#pragma once

#include <chrono>

#include "harness/capture/heap_tracer.h"
#include "harness/launch/signal_relay.h"
#include "harness/launch/target.h"
#include "harness/model/recording.h"
#include "harness/pipeline/record.h"

namespace leakgate::pipeline {

struct RunOutcome {
  model::ExitState exit;
  bool timed_out = false;
  std::chrono::steady_clock::time_point ended;  ///< when the command itself ended
};

/// Returns once the command has ended and the processes it left behind have too, or request.wait has passed.
Result<RunOutcome> run_to_end(launch::Target& target, const launch::SignalRelay& signals,
                              capture::HeapTracer& tracer, const RecordRequest& request);

}  // namespace leakgate::pipeline

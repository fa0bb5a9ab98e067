// SPDX-License-Identifier: Apache-2.0
// Joins the trace's raw stacks to symbolize: the frames, stacks and modules of the recording.
#pragma once

#include "harness/model/recording.h"
#include "harness/model/trace.h"
#include "harness/pipeline/record.h"

namespace leakgate::pipeline {

/// Fills recording.modules, frames and stacks, and makes the blocks' stack indexes refer to them. Only stacks
/// that a block refers to are resolved.
void resolve_stacks(const model::Trace& trace, const RecordRequest& request, model::Recording& recording);

}  // namespace leakgate::pipeline

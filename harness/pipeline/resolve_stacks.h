// SPDX-License-Identifier: Apache-2.0
// Joins the trace's raw stacks to symbolize: the frames, stacks and modules of the recording.
#pragma once

#include <cstddef>
#include <span>

#include "harness/model/recording.h"
#include "harness/model/trace.h"
#include "harness/pipeline/record.h"

namespace leakgate::pipeline {

/// Fills recording.modules, frames and stacks, makes the blocks' stack indexes refer to them, and names the
/// blocks' types and holders. Only stacks that a block or a holder refers to are resolved. `origins`: the row
/// of trace.outstanding that each of recording.blocks came from.
void resolve_stacks(const model::Trace& trace, std::span<const std::size_t> origins,
                    const RecordRequest& request, model::Recording& recording);

}  // namespace leakgate::pipeline

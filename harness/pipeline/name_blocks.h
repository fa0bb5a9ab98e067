// SPDX-License-Identifier: Apache-2.0
// Words for what classify found: the class of a block by its vtable, the chain of its holders. In: the
// trace's addresses. Out: BlockGroup::type and retained_by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "harness/model/recording.h"
#include "harness/model/trace.h"

namespace leakgate::pipeline {

/// The resolved frames of one of the trace's stacks, innermost first.
using FramesOf = std::function<std::vector<const model::Frame*>(std::uint32_t stack)>;
/// A frame with what was inlined into it, innermost first; nothing where it was not resolved.
using FramesAt = std::function<std::vector<const model::Frame*>(const model::TraceFrame& frame)>;

/// Names type and holders of each of recording.blocks; `origins` as for resolve_stacks.
void name_blocks(const model::Trace& trace, std::span<const std::size_t> origins, const FramesOf& frames_of,
                 const FramesAt& frames_at, model::Recording& recording);

}  // namespace leakgate::pipeline

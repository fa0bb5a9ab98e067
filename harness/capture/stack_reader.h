// SPDX-License-Identifier: Apache-2.0
// Stacks, from the kernel's table into the trace. In: rows of outstanding blocks with the kernel side's stack
// ids. Out: Trace::stacks, and the rows with indexes into it; and how many stacks end early, and why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "harness/base/result.h"
#include "harness/capture/session.h"
#include "harness/model/trace.h"

namespace leakgate::capture {

/// A frame of StackRow as the trace has it; `modules`: how many there are.
[[nodiscard]] model::TraceFrame frame_of(std::uint64_t raw, std::size_t modules);

/// Fills trace.stacks and renumbers trace.outstanding and its holders; with the first `count` stacks in any
/// case, and with those that are referred to.
Status read_stacks(const Session& session, std::uint64_t count, model::Trace& trace);

/// Tells of truncated stacks, counted by cause (enum lg_truncated), in counters and in a note.
void tell_truncated(std::span<const std::uint64_t> counts, model::TracerInfo& tracer);

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// Stacks, from the kernel's table into the trace. In: rows of outstanding blocks with the kernel side's stack
// ids. Out: Trace::stacks, and the rows with indexes into it; and how many stacks end early, and why.
#pragma once

#include <cstddef>

#include "harness/base/result.h"
#include "harness/capture/bpf_session.h"
#include "harness/model/trace.h"

namespace leakgate::capture {

/// Fills trace.stacks and renumbers trace.outstanding and its holders; with every stack where `all`, not
/// those that are referred to alone.
Status read_stacks(const BpfSession& session, bool all, model::Trace& trace);

/// Counts truncated stacks by cause, in counters and in a note.
void tell_truncated(const BpfSession& session, model::TracerInfo& tracer);

}  // namespace leakgate::capture

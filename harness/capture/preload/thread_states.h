// SPDX-License-Identifier: Apache-2.0
// Threads of a process by way of /proc and ptrace, where no kernel program tells of them.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/preload/shared_layout.h"
#include "bpf/wire.h"
#include "harness/base/result.h"

namespace leakgate::capture {

/// The threads of process `pid` that have not ended, main thread first. `image`: what the process's ledger
/// says of the thread that waits at a moment. Threads that a tracer of ours has stopped come with their
/// registers and as not running; others as running.
Result<std::vector<lg_thread_state>> list_threads(std::int32_t pid, const preload::Process& image);

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// A handful of threads for one step, joined before the step returns.
#pragma once

#include <functional>

namespace leakgate {

/// Calls work(0) .. work(count - 1), each once; at the same time where threads can be had, else one after
/// another. Ends by the exception that one of them ended by, if any, once all have ended.
void run_workers(unsigned count, const std::function<void(unsigned worker)>& work);

/// How many workers to use where `wanted` were asked for; 0 asks for one per processor, of which 8 at most
/// are taken.
unsigned worker_count(unsigned wanted);

}  // namespace leakgate

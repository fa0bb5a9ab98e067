// SPDX-License-Identifier: Apache-2.0
// Classification: of what kind the outstanding blocks are. In: a trace and its attribution. Out: the block
// groups of a recording, with stacks still as the trace numbers them. So far one kind: what was outstanding
// when its window closed and still is when its process ends is unclassified; what was freed in between is not
// there at all (a late free).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "harness/model/recording.h"
#include "harness/model/trace.h"

namespace leakgate::classify {

/// The test of a (process, window) of the trace; model::kNone where there is none (a process that is not
/// judged).
using TestOf = std::function<std::uint32_t(std::uint32_t process, std::uint32_t window)>;

/// Block groups in the order of tests, then of the trace. Ages are those at the end of the block's process.
std::vector<model::BlockGroup> classify_blocks(const model::Trace& trace, const TestOf& test_of);

}  // namespace leakgate::classify

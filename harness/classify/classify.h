// SPDX-License-Identifier: Apache-2.0
// Groups of a recording from a classified trace. In: a trace and its attribution. Out: the block groups, with
// stacks still as the trace numbers them. What was freed after its window closed is not there at all (a late
// free).
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

struct GroupedBlocks {
  std::vector<model::BlockGroup> groups;  ///< in the order of tests, then of the trace
  std::vector<std::size_t> origins;       ///< of each group: its row of Trace::outstanding
};

/// Ages are those at the end of the block's process. Types and holders are named later.
GroupedBlocks group_blocks(const model::Trace& trace, const TestOf& test_of);

}  // namespace leakgate::classify

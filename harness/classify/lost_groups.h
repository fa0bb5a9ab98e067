// SPDX-License-Identifier: Apache-2.0
// Order among the lost. In: blocks that nothing reaches, and their pointers. Out: which are definitely lost
// (no other lost block leads to them; of a cycle the one that the others hold least), which hang on those,
// and which form cycles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/classify/block_index.h"
#include "harness/classify/heap_scan.h"
#include "harness/classify/heuristics.h"
#include "harness/classify/reach.h"

namespace leakgate::classify {

/// Gives every unclassified block of `columns` its kind; an indirectly lost one its holder as parent and its
/// leader as detail. `cycle` is left empty if there is none, else it has a group (or kNone) for each block.
/// Returns the number of cycles.
std::size_t group_lost(const BlockIndex& index, EdgeSource& edges, const InteriorRules& rules,
                       ReachColumns& columns, std::vector<std::uint32_t>& cycle);

}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// The chain of holders of a block. In: the classified blocks, one of them, and memory (still held, or the
// offsets may be unknown). Out: the steps from the root to the block's own holder, with the offset of each
// pointer. Kept apart from classify_graph since it is asked for a handful of blocks out of millions.
#pragma once

#include <cstddef>
#include <vector>

#include "harness/classify/graph.h"

namespace leakgate::classify {

struct Chain {
  std::vector<Holder>
      steps;  ///< root (or leader) first, the block's own holder last; empty if nothing holds it
  std::size_t left_out = 0;  ///< steps left out in the middle, right after the first
};

/// The chain of block i. At most `max_steps` (2 at least) steps are given: the first and the last ones.
Chain chain_of(const ClassifiedBlocks& blocks, std::size_t i, const ReadMemory& read,
               const GraphOptions& options, std::size_t max_steps = 16);

}  // namespace leakgate::classify

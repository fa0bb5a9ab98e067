// SPDX-License-Identifier: Apache-2.0
// Which memory of a held process is searched for pointers first. In: its threads, mappings and blocks. Out:
// root ranges and register words for the graph, each with a label. Decided by what kind of memory it is: what
// the allocator keeps for itself, freed memory and the stacks of dead threads are no roots.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/classify/graph_input.h"
#include "harness/model/held_process.h"

namespace leakgate::classify {

struct Roots {
  /// What a root's label leads to.
  struct Label {
    std::uint32_t mapping = model::kNone;  ///< index into HeldProcess::mappings
    std::uint32_t thread = model::kNone;   ///< index into HeldProcess::threads
  };
  std::vector<RootRange> ranges;
  std::vector<RootWords> words;
  std::vector<Label> labels;
};

Roots find_roots(const model::HeldProcess& held);

}  // namespace leakgate::classify

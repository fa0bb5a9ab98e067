// SPDX-License-Identifier: Apache-2.0
// The definitions of the kinds, written down as plainly as they are meant and with no thought of speed: the
// reference that the real graph is compared with. Shares no code with it but the input structs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "heap_builder.h"

namespace leakgate::classify::testing {

struct NaiveBlock {
  model::Kind kind = model::Kind::unclassified;
  /// Lowest id-independent name of its cycle: address of the lowest member.
  std::optional<std::uint64_t> cycle;
  /// Pointers from a root to it along a shortest chain, 1 for a block that a root holds; reachable blocks
  /// only.
  std::size_t distance = 0;
};

/// By id of the block. No two blocks may overlap.
std::map<std::uint32_t, NaiveBlock> classify_naively(const Heap& heap);

}  // namespace leakgate::classify::testing

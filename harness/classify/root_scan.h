// SPDX-License-Identifier: Apache-2.0
// The pointers in the roots. In: ranges and register words. Out: each pointer with the root it lies in, in
// the order of roots and addresses whatever the number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "harness/classify/block_index.h"
#include "harness/classify/graph.h"
#include "harness/classify/pointer_batch.h"

namespace leakgate::classify {

/// Ranges are numbered first, then the words.
struct RootPointer {
  std::uint32_t root = 0;
  std::uint64_t word = 0;  ///< which word of the root, from its first aligned one
  BlockPointer pointer;
};

/// Calls visit for every pointer in the roots, from one thread. Adds to root_bytes and unreadable_bytes of
/// `stats`.
void scan_roots(const BlockIndex& index, std::span<const RootRange> ranges, std::span<const RootWords> words,
                const ReadMemory& read, const GraphOptions& options,
                const std::function<void(const RootPointer&)>& visit, GraphStats& stats);

}  // namespace leakgate::classify

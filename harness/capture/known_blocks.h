// SPDX-License-Identifier: Apache-2.0
// KnownBlocks: what each block of one process was when it was last looked at. In: the blocks of a held
// process and what they were found to be. Out: since when a block is lost, and its last kind.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bpf/wire.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

/// Sorts by address: the order in which the graph is made, and in which two moments are compared.
void sort_by_address(std::vector<model::HeldBlock>& blocks);

/// Whether one of the blocks, which are sorted, has bytes in common with `block`.
[[nodiscard]] bool overlaps(std::span<const model::HeldBlock> blocks, const model::HeldBlock& block);

class KnownBlocks {
 public:
  /// Tells blocks (by address) that are known to be lost since when they are.
  void recall(std::span<model::HeldBlock> blocks) const;
  /// Replaces everything by the findings of a moment: `blocks` by address, `kinds` in their order. A block
  /// that is lost for the first time is so since `window`, or since its own, if that ended after
  /// `last_window`, the last one whose end was looked at.
  void keep(std::span<const model::HeldBlock> blocks, std::span<const model::Kind> kinds,
            std::uint32_t window, std::uint32_t last_window);
  /// Unclassified where it was never seen.
  [[nodiscard]] model::Kind last_kind(const lg_live_key& key, const lg_live& block) const;

 private:
  struct Row {
    std::uint64_t address = 0;
    std::uint32_t time_ms = 0;  ///< with the stack: the same block, not another one at its address
    std::uint32_t stack = 0;
    std::uint32_t lost_after = 0;
    model::Kind kind = model::Kind::unclassified;
  };
  std::vector<Row> rows_;  ///< by address
};

}  // namespace leakgate::capture

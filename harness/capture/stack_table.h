// SPDX-License-Identifier: Apache-2.0
// StackTable: the distinct stacks as user space sees them, and room for more. In: the kernel side's maps.
// Out: for a stack id its frames and counters. The layout is that of bpf/wire.h, struct lg_stack_node and
// lg_stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/wire.h"
#include "harness/base/result.h"
#include "harness/capture/mapped_array.h"
#include "harness/capture/session.h"
#include "harness/capture/tier_update.h"

namespace leakgate::capture {

/// The maps it stands on; they stay the caller's.
struct StackMaps {
  int stacks_first = -1;
  int stack_tiers = -1;
  int nodes_first = -1;
  int node_tiers = -1;
};

class StackTable {
 public:
  static Result<StackTable> open(const StackMaps& maps);

  [[nodiscard]] std::size_t stack_tiers() const { return stacks_.size(); }
  [[nodiscard]] std::size_t node_tiers() const { return nodes_.size(); }
  [[nodiscard]] std::uint64_t stack_capacity() const { return stacks_.size() * LG_STACKS_PER_TIER; }

  /// Adds room for stacks: `count` tiers, or as many as there can still be. They are read from now on; the
  /// kernel side uses them once the update is entered.
  Result<TierUpdate> add_stack_tiers(std::size_t count);
  /// Adds room for frames: a tier twice as large as the newest, unless there are as many as there can be.
  Result<TierUpdate> add_node_tier();

  /// Fails (internal) for an id that was never given.
  [[nodiscard]] Result<StackRow> stack(std::uint32_t id) const;

 private:
  StackTable() = default;
  [[nodiscard]] const lg_stack_node* node(std::uint32_t id) const;
  StackMaps maps_;
  std::vector<MappedArray> stacks_;
  std::vector<MappedArray> nodes_;
};

}  // namespace leakgate::capture

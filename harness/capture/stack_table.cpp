// SPDX-License-Identifier: Apache-2.0
// Tiers of counters and of nodes. See stack_table.h.
#include "harness/capture/stack_table.h"

#include <utility>

namespace leakgate::capture {

Result<StackTable> StackTable::open(const StackMaps& maps) {
  StackTable table;
  table.maps_ = maps;
  auto stacks = MappedArray::open(maps.stacks_first, sizeof(lg_stack), LG_STACKS_PER_TIER);
  if (!stacks) return std::move(stacks).error();
  table.stacks_.push_back(std::move(*stacks));
  auto nodes = MappedArray::open(maps.nodes_first, sizeof(lg_node_bucket), LG_NODE_FIRST_BUCKETS);
  if (!nodes) return std::move(nodes).error();
  table.nodes_.push_back(std::move(*nodes));
  return table;
}

Result<TierUpdate> StackTable::add_stack_tiers(std::size_t count) {
  TierUpdate update;
  update.outer = maps_.stack_tiers;
  update.table = "stacks";
  for (std::size_t i = 0; i < count && stacks_.size() < LG_STACK_TIERS; ++i) {
    auto array = MappedArray::create({"lg_stacks", sizeof(lg_stack), LG_STACKS_PER_TIER, false});
    if (!array) return std::move(array).error().with_context("the table of stacks cannot grow");
    update.keys.push_back(static_cast<std::uint32_t>(stacks_.size()));
    update.descriptors.push_back(array->descriptor());
    stacks_.push_back(std::move(*array));
  }
  update.tiers = static_cast<std::uint32_t>(stacks_.size());
  return update;  // what does not fit is counted as lost
}

Result<TierUpdate> StackTable::add_node_tier() {
  TierUpdate update;
  update.outer = maps_.node_tiers;
  update.table = "stacks";
  const auto tier = static_cast<std::uint32_t>(nodes_.size());
  if (tier >= LG_NODE_TIERS) return update;  // what does not fit is counted as lost
  auto array = MappedArray::create(
      {"lg_nodes", sizeof(lg_node_bucket), std::uint32_t{LG_NODE_FIRST_BUCKETS} << tier, true});
  if (!array) return std::move(array).error().with_context("the table of stacks cannot grow");
  update.keys = {tier};
  update.descriptors = {array->descriptor()};
  nodes_.push_back(std::move(*array));
  update.tiers = tier + 1;
  return update;
}

const lg_stack_node* StackTable::node(std::uint32_t id) const {
  std::uint64_t place = (id - 1) / LG_NODE_SLOTS;
  for (const MappedArray& tier : nodes_) {
    const auto buckets = tier.values<lg_node_bucket>();
    if (place < buckets.size()) return &buckets[place].nodes[(id - 1) % LG_NODE_SLOTS];
    place -= buckets.size();
  }
  return nullptr;
}

Result<StackRow> StackTable::stack(std::uint32_t id) const {
  const Error unknown{ErrorKind::internal, "a block refers to a stack that does not exist", "", 0};
  const std::size_t tier = (id - 1) / LG_STACKS_PER_TIER;
  if (id == 0 || tier >= stacks_.size()) return unknown;
  StackRow row;
  row.counters = stacks_[tier].values<lg_stack>()[(id - 1) % LG_STACKS_PER_TIER];
  for (std::uint32_t at = row.counters.node; at != 0 && row.frames.size() < LG_MAX_FRAMES;) {
    const lg_stack_node* found = node(at);
    if (!found || found->frame == 0) return unknown;
    row.frames.push_back(found->frame);
    at = found->parent;
  }
  return row;
}

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// Tiers of counters and of nodes. See stack_table.h.
#include "harness/capture/stack_table.h"

#include <bpf/bpf.h>

#include <utility>

#ifdef __clang__
// LIBBPF_OPTS is made of statement expressions and compound literals
#pragma clang diagnostic ignored "-Wgnu-statement-expression"
#pragma clang diagnostic ignored "-Wc99-extensions"
#endif

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

std::uint64_t StackTable::node_capacity() const {
  return ((std::uint64_t{1} << nodes_.size()) - 1) * LG_NODE_FIRST_BUCKETS * LG_NODE_SLOTS;
}

Status StackTable::add_stack_tiers(std::size_t count) {
  // all in one update: the kernel waits a grace period after each
  std::vector<std::uint32_t> keys;
  std::vector<int> descriptors;
  const std::size_t before = stacks_.size();
  std::vector<MappedArray> added;
  while (added.size() < count && before + added.size() < LG_STACK_TIERS) {
    auto array = MappedArray::create({"lg_stacks", sizeof(lg_stack), LG_STACKS_PER_TIER, false});
    if (!array) return std::move(array).error().with_context("the table of stacks cannot grow");
    keys.push_back(static_cast<std::uint32_t>(before + added.size()));
    descriptors.push_back(array->descriptor());
    added.push_back(std::move(*array));
  }
  if (keys.empty()) return {};  // what does not fit is counted as lost
  auto number = static_cast<std::uint32_t>(keys.size());
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  if (const int error =
          bpf_map_update_batch(maps_.stack_tiers, keys.data(), descriptors.data(), &number, &options))
    return map_error("cannot enlarge the table of stacks", error);
  for (MappedArray& array : added)
    stacks_.push_back(std::move(array));
  return {};
}

Status StackTable::add_node_tier() {
  const auto tier = static_cast<std::uint32_t>(nodes_.size());
  if (tier >= LG_NODE_TIERS) return {};  // what does not fit is counted as lost
  auto array = MappedArray::create(
      {"lg_nodes", sizeof(lg_node_bucket), std::uint32_t{LG_NODE_FIRST_BUCKETS} << tier, true});
  if (!array) return std::move(array).error().with_context("the table of stacks cannot grow");
  const int fd = array->descriptor();
  if (const int error = bpf_map_update_elem(maps_.node_tiers, &tier, &fd, BPF_ANY))
    return map_error("cannot enlarge the table of stacks", error);
  nodes_.push_back(std::move(*array));
  return {};
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

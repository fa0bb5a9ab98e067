// SPDX-License-Identifier: Apache-2.0
// Rows are read when they are asked for, or when their process's region goes.
#include "harness/capture/preload/stack_ids.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace leakgate::capture {

StackIds::Stack& StackIds::stack_of(std::uint32_t process, std::uint32_t number, std::uint32_t& id) {
  const auto [found, fresh] = ids_.emplace(std::uint64_t{process} << 32 | number, 0);
  if (fresh) {
    stacks_.push_back({process, number, false, std::nullopt});
    found->second = static_cast<std::uint32_t>(stacks_.size());
  }
  id = found->second;
  return stacks_[id - 1];
}

std::uint32_t StackIds::id(std::uint32_t process, std::uint32_t stack) {
  std::uint32_t id = 0;
  if (stack != 0) stack_of(process, stack, id).is_referred_to = true;
  return id;
}

void StackIds::add_all(std::uint32_t process) {
  const auto region = file_->get<preload::Region>(process, 0);
  std::uint32_t id = 0;
  for (std::uint32_t number = 1; number <= region.stacks && number < preload::kMaxStacks; ++number)
    stack_of(process, number, id);
}

preload::Node StackIds::node(std::uint32_t process, std::uint32_t number) const {
  if (number >= preload::kMaxNodes) return {};
  if (nodes_.process == process && number < nodes_.nodes.size()) return nodes_.nodes[number];
  return file_->get<preload::Node>(process, preload::kNodesAt + number * sizeof(preload::Node));
}

StackRow StackIds::read(const Stack& stack) const {
  StackRow row;
  row.counters = file_->get<lg_stack>(stack.process, preload::kStacksAt + stack.number * sizeof(lg_stack));
  const auto damaged = [&] {
    damaged_.insert(std::uint64_t{stack.process} << 32 | stack.number);
    return StackRow();
  };
  if (row.counters.function == LG_FN_none && row.counters.node == 0)
    return stack.is_referred_to ? damaged() : StackRow();
  const auto share = file_->get<preload::StackShare>(
      stack.process, preload::kSharesAt + stack.number * sizeof(preload::StackShare));
  row.counters.frees += share.frees;
  for (std::size_t i = 0; i < std::size(share.lifetime_log2_ms); ++i)
    row.counters.lifetime_log2_ms[i] += share.lifetime_log2_ms[i];
  for (std::uint32_t at = row.counters.node; at != 0 && row.frames.size() < LG_MAX_FRAMES;) {
    const preload::Node node = this->node(stack.process, at);
    if (node.frame == 0) return damaged();
    row.frames.push_back(node.frame);
    at = node.parent;
  }
  const auto freed_by = ids_.find(std::uint64_t{stack.process} << 32 | row.counters.freed_by);
  row.counters.freed_by = freed_by == ids_.end() ? 0 : freed_by->second;
  return row;
}

Result<StackRow> StackIds::row(std::uint32_t id) const {
  const Error unknown{ErrorKind::internal, "a block refers to a stack that does not exist", "", 0};
  if (id == 0 || id > stacks_.size()) return unknown;
  const Stack& stack = stacks_[id - 1];
  return stack.kept ? *stack.kept : read(stack);
}

void StackIds::keep(std::uint32_t process) {
  constexpr std::uint32_t kMostNodes = 1u << 20;
  const auto region = file_->get<preload::Region>(process, 0);
  nodes_ = {process, std::vector<preload::Node>(std::min(region.nodes, kMostNodes) + 1)};
  if (!file_->read(process, preload::kNodesAt, std::as_writable_bytes(std::span(nodes_.nodes)))) nodes_ = {};
  // where blocks of some were freed: stacks of their own, of which nothing was freed again
  for (std::size_t i = 0, count = stacks_.size(); i < count; ++i) {
    if (stacks_[i].process != process || stacks_[i].kept) continue;
    const std::uint64_t row = preload::kStacksAt + stacks_[i].number * sizeof(lg_stack);
    const auto freed_by = file_->get<std::uint32_t>(process, row + offsetof(lg_stack, freed_by));
    std::uint32_t id = 0;
    if (freed_by != 0 && freed_by <= region.stacks) stack_of(process, freed_by, id);
  }
  for (Stack& stack : stacks_)
    if (stack.process == process && !stack.kept) stack.kept = read(stack);
  nodes_ = {};
}

}  // namespace leakgate::capture

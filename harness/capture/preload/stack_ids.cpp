// SPDX-License-Identifier: Apache-2.0
// Rows are read when they are asked for, or when their process's region goes.
#include "harness/capture/preload/stack_ids.h"

namespace leakgate::capture {

std::uint32_t StackIds::id(std::uint32_t process, std::uint32_t stack) {
  if (stack == 0) return 0;
  const auto [found, fresh] = ids_.emplace(std::uint64_t{process} << 32 | stack, 0);
  if (fresh) {
    stacks_.push_back({process, stack, std::nullopt});
    found->second = static_cast<std::uint32_t>(stacks_.size());
  }
  return found->second;
}

void StackIds::add_all(std::uint32_t process) {
  const auto region = file_->get<preload::Region>(process, 0);
  for (std::uint32_t number = 1; number <= region.stacks && number < preload::kMaxStacks; ++number)
    id(process, number);
}

StackRow StackIds::read(std::uint32_t process, std::uint32_t number) const {
  StackRow row;
  row.counters = file_->get<lg_stack>(process, preload::kStacksAt + number * sizeof(lg_stack));
  const auto damaged = [&] {
    damaged_.insert(std::uint64_t{process} << 32 | number);
    return StackRow();
  };
  if (row.counters.function == LG_FN_none && row.counters.node == 0) return damaged();
  const auto share =
      file_->get<preload::StackShare>(process, preload::kSharesAt + number * sizeof(preload::StackShare));
  row.counters.frees += share.frees;
  for (std::size_t i = 0; i < std::size(share.lifetime_log2_ms); ++i)
    row.counters.lifetime_log2_ms[i] += share.lifetime_log2_ms[i];
  for (std::uint32_t at = row.counters.node; at != 0 && row.frames.size() < LG_MAX_FRAMES;) {
    const auto node = at < preload::kMaxNodes
                          ? file_->get<preload::Node>(process, preload::kNodesAt + at * sizeof(preload::Node))
                          : preload::Node{};
    if (node.frame == 0) return damaged();
    row.frames.push_back(node.frame);
    at = node.parent;
  }
  return row;
}

Result<StackRow> StackIds::row(std::uint32_t id) const {
  const Error unknown{ErrorKind::internal, "a block refers to a stack that does not exist", "", 0};
  if (id == 0 || id > stacks_.size()) return unknown;
  const Stack& stack = stacks_[id - 1];
  return stack.kept ? *stack.kept : read(stack.process, stack.number);
}

void StackIds::keep(std::uint32_t process) {
  for (Stack& stack : stacks_)
    if (stack.process == process && !stack.kept) stack.kept = read(process, stack.number);
}

}  // namespace leakgate::capture

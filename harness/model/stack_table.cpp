// SPDX-License-Identifier: Apache-2.0
// Looking up rows; see stack_table.h. A frame or module whose index leads nowhere is an empty one: the reader
// of recordings sees to it that none is.
#include "harness/model/stack_table.h"

#include <utility>

namespace leakgate::model {

LeakStack::LeakStack(std::shared_ptr<const StackTable> table, std::uint32_t row)
    : table_(std::move(table)), row_(row) {}

std::size_t LeakStack::size() const {
  const Stack* stack = row();
  return stack == nullptr ? 0 : stack->frames.size();
}

void LeakStack::add_history(std::uint32_t row) {
  if (history() == nullptr || row >= table_->stacks.size()) return;
  const Stack& other = table_->stacks[row];
  auto sum = std::make_shared<Stack>(*history());
  sum->allocations += other.allocations;
  sum->frees += other.frees;
  if (sum->lifetime_log2_ms.size() < other.lifetime_log2_ms.size())
    sum->lifetime_log2_ms.resize(other.lifetime_log2_ms.size());
  for (std::size_t i = 0; i < other.lifetime_log2_ms.size(); ++i)
    sum->lifetime_log2_ms[i] += other.lifetime_log2_ms[i];
  together_ = std::move(sum);
}

void LeakStack::show(std::uint32_t row) {
  if (together_ == nullptr && history() != nullptr) together_ = std::make_shared<const Stack>(*history());
  row_ = row;
}

VerdictFrame LeakStack::operator[](std::size_t index) const {
  const std::uint32_t number = row()->frames[index];
  if (number >= table_->frames.size()) return {};
  const Frame& frame = table_->frames[number];
  const bool has_module = frame.module < table_->modules.size();
  return {frame.function,
          frame.full_function,
          frame.file,
          frame.line,
          frame.column,
          frame.inlined,
          has_module ? std::string_view(table_->modules[frame.module].path) : std::string_view(),
          frame.offset};
}

bool LeakStack::truncated() const {
  const Stack* stack = row();
  return stack != nullptr && stack->truncated;
}

std::string_view LeakStack::truncated_reason() const {
  const Stack* stack = row();
  return stack == nullptr ? std::string_view() : std::string_view(stack->truncated_reason);
}

}  // namespace leakgate::model

// SPDX-License-Identifier: Apache-2.0
// The place of a stack in a control block is not the same in every version of glibc: it is known by what
// stands there. The four words have followed each other since 2003: stackblock, stackblock_size, guardsize,
// reported_guardsize.
#include "harness/classify/thread_stacks.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace leakgate::classify {
namespace {

constexpr std::uint64_t kPage = 4096;
/// struct pthread is smaller, and stands within so many bytes of a stack's end.
constexpr std::uint64_t kControlBlockSearch = 8192;
constexpr std::uint64_t kSmallestStack = 8192, kLargestStack = std::uint64_t{1} << 40;
constexpr std::uint64_t kLowestAddress = 65536;  // a number is none

bool is_stack_around(std::uint64_t control_block, std::uint64_t start, std::uint64_t size) {
  return start % 8 == 0 && start >= kLowestAddress && start < control_block && size >= kSmallestStack &&
         size <= kLargestStack && size > control_block - start &&
         size - (control_block - start) <= kControlBlockSearch;
}

}  // namespace

std::optional<StackBounds> stack_of(const model::HeldProcess& held, std::uint64_t control_block) {
  std::array<std::uint64_t, kPage / 8> words{};
  const std::size_t count = held.read(control_block, std::as_writable_bytes(std::span(words))) / 8;
  for (std::size_t i = 0; i + 3 < count; ++i) {
    const std::uint64_t start = words[i], size = words[i + 1];
    if (is_stack_around(control_block, start, size) && words[i + 2] < size && words[i + 3] <= size)
      return StackBounds{start, start + size};
  }
  return std::nullopt;
}

std::optional<DeadThread> dead_thread_in(const model::HeldProcess& held, const model::HeldMapping& mapping) {
  if (!held.threads_known || mapping.end - mapping.start < kPage) return std::nullopt;
  std::array<std::uint64_t, kPage / 8> words;
  for (std::uint64_t page = std::max(mapping.start, mapping.end - kControlBlockSearch);
       page + kPage <= mapping.end; page += kPage) {
    if (held.read(page, std::as_writable_bytes(std::span(words))) != kPage) continue;
    for (std::size_t i = 0; i < words.size(); i += 8) {
      const std::uint64_t at = page + i * 8;
      if (words[i] != at || words[i + 2] != at) continue;  // tcbhead_t: tcb, dtv, self
      if (const auto stack = stack_of(held, at); stack && stack->end <= mapping.end)
        return DeadThread{at, *stack};
    }
  }
  return std::nullopt;
}

}  // namespace leakgate::classify

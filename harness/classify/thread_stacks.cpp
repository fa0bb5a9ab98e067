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
constexpr std::size_t kControlBlockWords = kPage / 8;  // in which the place of the stack is looked for
constexpr std::uint64_t kAlignment = 64;               // of a control block
constexpr std::uint64_t kSmallestStack = 8192, kLargestStack = std::uint64_t{1} << 40;
constexpr std::uint64_t kLowestAddress = 65536;  // a number is none
/// Where in struct pthread its place in one of glibc's lists of stacks is: behind what the C library shares
/// with sanitizers, whose size may not change.
constexpr std::uint64_t kListNode = 704;

bool is_stack_around(std::uint64_t control_block, std::uint64_t start, std::uint64_t size) {
  return start % 8 == 0 && start >= kLowestAddress && start < control_block && size >= kSmallestStack &&
         size <= kLargestStack && size > control_block - start &&
         size - (control_block - start) <= kControlBlockSearch;
}

std::uint64_t word(const model::HeldProcess& held, std::uint64_t address) {
  std::array<std::uint64_t, 1> value{};
  return held.read(address, std::as_writable_bytes(std::span(value))) == sizeof value ? value[0] : 0;
}

/// A stack of the program's own is taken out of glibc's lists when its thread has been joined. One with a
/// guard is glibc's in any case, also in the moment in which it is moved from one list to another.
bool is_kept(const model::HeldProcess& held, std::uint64_t control_block, const StackBounds& stack) {
  if (stack.guard_bytes != 0) return true;
  const std::uint64_t node = control_block + kListNode;  // list_t: next, prev
  const std::uint64_t next = word(held, node), previous = word(held, node + 8);
  return next != node && word(held, next + 8) == node && word(held, previous) == node;
}

/// `words` are those at the control block, as far as they are known.
std::optional<StackBounds> stack_among(std::span<const std::uint64_t> words, std::uint64_t control_block) {
  for (std::size_t i = 0; i + 3 < words.size(); ++i) {
    const std::uint64_t start = words[i], size = words[i + 1];
    if (is_stack_around(control_block, start, size) && words[i + 2] < size && words[i + 3] <= size)
      return StackBounds{start, start + size, words[i + 2]};
  }
  return std::nullopt;
}

bool is_alive(const model::HeldProcess& held, std::uint64_t control_block) {
  return std::any_of(held.threads.begin(), held.threads.end(),
                     [&](const model::HeldThread& thread) { return thread.thread_pointer == control_block; });
}

}  // namespace

std::optional<StackBounds> stack_of(const model::HeldProcess& held, std::uint64_t control_block) {
  std::array<std::uint64_t, kControlBlockWords> words{};
  const std::size_t count = held.read(control_block, std::as_writable_bytes(std::span(words))) / 8;
  return stack_among(std::span(words).first(count), control_block);
}

std::optional<DeadThread> dead_thread_before(const model::HeldProcess& held, std::uint64_t start,
                                             std::uint64_t end) {
  if (!held.threads_known) return std::nullopt;
  std::array<std::uint64_t, kControlBlockSearch / 8> buffer;
  for (const std::uint64_t bytes : {kControlBlockSearch, kPage}) {  // the first page may be unreadable
    const std::uint64_t from =
        (end - std::min(bytes, end - start) + kAlignment - 1) / kAlignment * kAlignment;
    if (from >= end) return std::nullopt;
    const auto words = std::span(buffer).first((end - from) / 8);
    if (held.read(from, std::as_writable_bytes(words)) != words.size_bytes()) continue;
    for (std::size_t i = 0; i + 2 < words.size(); i += kAlignment / 8) {
      const std::uint64_t at = from + i * 8;
      if (words[i] != at || words[i + 2] != at) continue;  // tcbhead_t: tcb, dtv, self
      const auto known = words.subspan(i, std::min(words.size() - i, kControlBlockWords));
      if (const auto stack = stack_among(known, at); stack && stack->end <= end && !is_alive(held, at))
        return DeadThread{at, *stack, is_kept(held, at, *stack)};
    }
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace leakgate::classify

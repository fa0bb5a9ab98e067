// SPDX-License-Identifier: Apache-2.0
// The memory of another process, read from outside. In: a thread of it and its mappings. Out: bytes, and
// which pages have content of the process's own. The process is expected to be held; it is never written to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "harness/model/held_process.h"

namespace leakgate::capture {

class HeldMemory {
 public:
  /// Looks at the page table at once (/proc/TASK/pagemap); where that is refused, all pages count as touched.
  HeldMemory(std::int32_t task, std::span<const model::HeldMapping> mappings);

  /// Bytes read from the start of `out`; fewer where a page is unreadable. From several threads at once.
  /// By process_vm_readv; by /proc/TASK/mem where that is refused.
  std::size_t read(std::uint64_t address, std::span<std::byte> out) const;
  /// See model::NextTouchedPage.
  [[nodiscard]] std::uint64_t next_touched(std::uint64_t from, std::uint64_t end) const;

 private:
  using Range = std::pair<std::uint64_t, std::uint64_t>;
  void find_touched(std::span<const model::HeldMapping> mappings);

  std::int32_t task_;
  bool all_touched_ = false;
  std::vector<Range> unknown_;  ///< too large to be looked at page by page: all of it counts as touched
  std::vector<Range> touched_;  ///< by address, apart from each other
};

}  // namespace leakgate::capture

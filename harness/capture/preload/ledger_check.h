// SPDX-License-Identifier: Apache-2.0
// Whether the ledger can be what the preloaded library wrote. The traced program can write to it as well, by
// a stray pointer or on purpose: what does not fit makes the run incomplete. In: parts of the ledger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "adapters/preload/shared_layout.h"

namespace leakgate::capture {

/// What leakgate wrote into the header, where nobody else has anything to write.
class HeaderSeal {
 public:
  void set(const preload::Header& header) { written_ = read(header); }
  [[nodiscard]] bool is_intact(const preload::Header& header) const { return read(header) == written_; }

 private:
  struct Words {
    std::uint64_t words[8];
    bool operator==(const Words&) const = default;
  };
  static Words read(const preload::Header& header);
  Words written_{};
};

/// False: the library writes no record of this type, or more of it.
bool is_possible_record(std::span<const std::byte> record);

/// False: no process can have this memory.
bool is_possible_memory(std::uint64_t address, std::uint64_t bytes);

/// What a process's blocks are compared with.
struct LedgerBounds {
  std::uint32_t stacks = 0;       ///< that the process has
  std::uint32_t last_window = 0;  ///< the largest number of a test or scope
};

/// False: no allocation can have left this block.
bool is_possible(std::uint64_t address, const lg_live& block, const LedgerBounds& bounds);

/// Whether a process that has ended, with these counters, can have left so many blocks. Each of its threads
/// may have been in the middle of one call.
bool do_counts_fit(std::uint64_t allocations, std::uint64_t frees, std::uint64_t blocks,
                   std::uint32_t threads);

}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// The graph of a held process: which live blocks are reachable from which roots, by pointers found in memory.
// In: live blocks, root ranges, register words and a way to read memory. Out: a kind for each block as
// Valgrind's memcheck means it, its holder, and the cycle it belongs to. No process is known here; where
// roots and blocks come from is for the caller to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/classify/block_index.h"
#include "harness/classify/graph_input.h"
#include "harness/model/recording.h"

namespace leakgate::classify {

/// The offset of a pointer that was not looked for, or is not there (any more).
inline constexpr std::uint64_t kUnknownOffset = ~std::uint64_t{0};

/// Who holds a block: the pointer of a shortest chain from a root.
struct Holder {
  enum class From : std::uint8_t { none, root_range, root_words, block };
  From from = From::none;
  std::uint32_t index = 0;  ///< into the root ranges, the root words, or the classified blocks
  /// Of the pointer, in bytes: in the words, or in the range from its first multiple of 8 on. In a block:
  /// kUnknownOffset until chain_of (chain.h) looks for it.
  std::uint64_t offset = kUnknownOffset;
};

struct GraphStats {
  std::uint64_t heap_bytes = 0;         ///< read and scanned in blocks
  std::uint64_t root_bytes = 0;         ///< read and scanned in ranges and words
  std::uint64_t unreadable_bytes = 0;   ///< skipped in blocks and ranges
  std::uint64_t blocks_read_again = 0;  ///< times; blocks beyond edge_budget_bytes
};

/// The result, sorted by address; i counts from 0 to size(). Everything is kept in compact columns: 10
/// million blocks.
class ClassifiedBlocks {
 public:
  std::size_t size() const { return index_.size(); }
  std::uint64_t address(std::size_t i) const { return index_.address(i); }
  std::uint64_t size_bytes(std::size_t i) const { return index_.size_bytes(i); }
  std::uint32_t id(std::size_t i) const { return index_.id(i); }

  model::Kind kind(std::size_t i) const { return static_cast<model::Kind>(kind_[i]); }
  Reach reach(std::size_t i) const { return static_cast<Reach>(reach_[i]); }

  /// The cycle a lost block belongs to: 0, 1, ... by lowest member; model::kNone if to none. A block is a
  /// cycle of one where it holds a pointer at its own start; pointers into itself (short strings, empty
  /// lists) are none.
  std::uint32_t cycle(std::size_t i) const;
  std::size_t cycle_count() const { return cycle_count_; }

  /// Of an indirectly lost block the definitely lost one that it hangs on; else i itself.
  std::uint32_t leader(std::size_t i) const;

  /// Reachable: a shortest chain. Possibly lost: a chain. Indirectly lost: a shortest chain from its leader.
  /// Else none.
  Holder holder(std::size_t i) const;

  /// The first word is a vtable, as is_vtable says.
  bool has_vtable(std::size_t i) const;

  /// Blocks by address.
  const BlockIndex& index() const { return index_; }
  const GraphStats& stats() const { return stats_; }

 private:
  friend ClassifiedBlocks classify_graph(std::vector<LiveBlock> blocks, std::span<const RootRange> roots,
                                         std::span<const RootWords> root_words, const ReadMemory& read,
                                         const GraphOptions& options);
  BlockIndex index_;
  std::vector<std::uint8_t> kind_;
  std::vector<std::uint8_t> reach_;
  std::vector<std::uint8_t> facts_;
  std::vector<std::uint32_t> parent_;         // block, or a root (top bit) by number
  std::vector<std::uint32_t> parent_detail_;  // held by a root: offset in words; indirectly lost: the leader
  std::vector<std::uint32_t> cycle_;          // empty without cycles
  std::size_t cycle_count_ = 0;
  std::size_t range_count_ = 0;  // roots below this number are ranges, others words
  GraphStats stats_;
};

/// Classifies `blocks` (in any order; moved in and released early, since 10 million are a lot). Words at
/// addresses that are multiples of 8 are looked at, and only whole ones inside a block or a range. A pointer
/// one past the end of a block is no pointer to it; a block of size 0 is reached by its address alone. Blocks
/// that overlap are taken innermost first, and a nested block keeps those around it. Unreadable memory is
/// skipped and counted. The result does not depend on the number of threads. Roots are preferred in the order
/// given, ranges before words. Never fails; at most 2^30 - 1 blocks are taken.
ClassifiedBlocks classify_graph(std::vector<LiveBlock> blocks, std::span<const RootRange> roots,
                                std::span<const RootWords> root_words, const ReadMemory& read,
                                const GraphOptions& options = {});

}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// The memory of glibc's heaps around blocks that are outstanding: freed chunks, and what no block has yet.
// The layout is that of malloc/malloc.c, which has not changed since 2.26.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "harness/model/held_process.h"

namespace leakgate::classify {

/// Before a block: two words, of which the second is the chunk's size and its flags.
inline constexpr std::uint64_t kChunkHeader = 16;
inline constexpr std::uint64_t kMmappedFlag = 2;

class HeapChunks {
 public:
  explicit HeapChunks(const model::HeldProcess& held) : held_(held) {}

  /// Where glibc keeps the state of its main arena in [start, end): its lists lead to freed memory. A hole of
  /// no bytes where there is none.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> arena_state_in(std::uint64_t start,
                                                                       std::uint64_t end) const;

  /// The size of the block's chunk and its flags, if it is one.
  std::uint64_t head_of(std::uint64_t block) { return word(block - sizeof(std::uint64_t)); }

  /// How far glibc's heap goes on behind the block's chunk: to `limit`, where another outstanding one begins
  /// or the mapping ends, or to where the heap itself ends before that. Nothing where the block is in no
  /// chunk of a heap.
  std::optional<std::uint64_t> end_behind(std::uint64_t block, std::uint64_t bytes, std::uint64_t limit);

  /// Where the piece of a heap begins whose chunks lead to the block's: not before `from`, nor more than 4
  /// MiB before the block; the block itself where it is in no such piece.
  std::uint64_t start_before(std::uint64_t block, std::uint64_t bytes, std::uint64_t from);

 private:
  std::uint64_t word(std::uint64_t address);
  bool is_chunk_of(std::uint64_t block, std::uint64_t bytes);
  std::uint64_t walk(std::uint64_t chunk, std::uint64_t arena_flag, std::uint64_t limit);
  std::uint64_t main_top();

  const model::HeldProcess& held_;
  std::optional<std::uint64_t> main_top_;
  std::uint32_t steps_left_ = 1 << 26;  ///< in a moment, whatever the program wrote over its heap
  std::vector<std::uint64_t> near_;     ///< what was read last: chunks follow each other
  std::uint64_t near_start_ = 0;
};

}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// A made-up heap for tests: blocks, pointers between them, roots, unreadable pages. Nothing of it is this
// process's memory; addresses are its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "harness/classify/chain.h"
#include "harness/classify/graph.h"

namespace leakgate::classify::testing {

inline constexpr std::uint64_t kHeapBase = 0x5555'0000'0000;
inline constexpr std::uint64_t kRootBase = 0x7fff'0000'0000;
inline constexpr std::uint64_t kVtables = 0x4000'0000;  // vtables lie in [kVtables, kVtables + 4096)

class Heap {
 public:
  /// A new block behind the last one, with a gap of 16 bytes. Ids count from 0.
  std::uint32_t block(std::uint64_t size_bytes);
  /// A block anywhere; memory under it is made unless there is some.
  std::uint32_t block_at(std::uint64_t address, std::uint64_t size_bytes);
  std::uint64_t address(std::uint32_t block) const { return blocks_[block].address; }

  /// Stores a word into a block.
  void put(std::uint32_t block, std::uint64_t offset, std::uint64_t word);
  /// Stores a pointer to `target` + `target_offset` into a block.
  void point(std::uint32_t block, std::uint64_t offset, std::uint32_t target,
             std::uint64_t target_offset = 0) {
    put(block, offset, address(target) + target_offset);
  }
  void put_at(std::uint64_t address, std::uint64_t word);

  /// A root range of its own page that holds these words; returns its number.
  std::uint32_t root(std::vector<std::uint64_t> words, RootKind kind = RootKind::module_data);
  /// A root range over memory that exists already.
  std::uint32_t root_over(std::uint64_t start, std::uint64_t end, RootKind kind);
  void registers(std::vector<std::uint64_t> words) { words_.push_back({7, std::move(words)}); }
  /// Roots that point at a block.
  std::uint32_t hold(std::uint32_t block, std::uint64_t offset = 0) {
    return root({address(block) + offset});
  }

  void make_unreadable(std::uint64_t page) { unreadable_.insert(page / 4096); }

  GraphOptions options;

  ClassifiedBlocks classify() const;
  Chain chain(const ClassifiedBlocks& classified, std::uint32_t block, std::size_t max_steps = 16) const;
  ReadMemory reader() const;
  const std::vector<LiveBlock>& blocks() const { return blocks_; }
  const std::vector<RootRange>& ranges() const { return ranges_; }
  const std::vector<RootWords>& words() const { return words_; }

 private:
  std::vector<LiveBlock> blocks_;
  std::vector<RootRange> ranges_;
  std::vector<RootWords> words_;
  std::map<std::uint64_t, std::vector<std::byte>> pages_;
  std::set<std::uint64_t> unreadable_;
  std::uint64_t next_block_ = kHeapBase + 16;
  std::uint64_t next_root_ = kRootBase;
  std::byte* page_of(std::uint64_t address);
};

/// Position in the classified blocks of the block with this id.
std::size_t position(const ClassifiedBlocks& classified, std::uint32_t id);

/// "D", "I", "P" or "R" per block, in the order of ids: "DIR" for three blocks.
std::string kinds(const ClassifiedBlocks& classified);

}  // namespace leakgate::classify::testing

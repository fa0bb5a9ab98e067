// SPDX-License-Identifier: Apache-2.0
// What a pointer into a block is worth. In: a block, an offset, the facts about the block's first words. Out:
// whether the pointer is as good as one at the start, by the rules that Valgrind's memcheck has for
// std::string, new[], length-prefixed blocks and multiple inheritance, by one for the search trees of the C
// library, and by a rule of the caller's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/classify/block_index.h"
#include "harness/classify/graph_input.h"

namespace leakgate::classify {

/// Facts about a block, found while its words are at hand. Bits of one byte.
enum Fact : std::uint8_t {
  kStringHeader = 1,  ///< length, capacity, (count): the size is 24 + capacity + 1
  kArrayCount = 2,    ///< a count that divides what follows it
  kLengthHeader = 4,  ///< the number of bytes that follow it
  kEmptyArray = 8,    ///< 8 bytes, all 0
  kVtable = 16,       ///< the first word is a vtable
  kMarkedNode = 32    ///< the size of a node of tsearch()'s trees, with a mark at its left branch
};

/// Asks IsVtable once per address, mostly. One per thread.
class VtableMemo {
 public:
  explicit VtableMemo(const IsVtable& is_vtable) : is_vtable_(is_vtable) {}
  bool operator()(std::uint64_t word);

 private:
  struct Entry {
    std::uint64_t word = 0;
    bool vtable = false;
  };
  const IsVtable& is_vtable_;
  std::array<Entry, 256> entries_{};
};

/// The facts about a block of `size_bytes` with these first words (at most 2, all inside the block).
std::uint8_t facts_of(std::span<const std::uint64_t> head, std::uint64_t size_bytes, VtableMemo& vtables);

/// Judges pointers into blocks.
class InteriorRules {
 public:
  static constexpr std::uint32_t kNoHolder = ~std::uint32_t{0};

  InteriorRules(const BlockIndex& index, const std::vector<std::uint8_t>& facts, const ReadMemory& read,
                const GraphOptions& options)
      : index_(index), facts_(facts), read_(read), options_(options), vtables_(options.is_vtable) {}

  /// Of a pointer in block `holder`, or in none (kNoHolder). Reach::none where a pointer one past a block of
  /// 8 bytes points at no empty array; Reach::interior where no rule holds.
  Reach judge(std::uint32_t target, std::uint32_t offset, std::uint32_t holder) {
    return offset == 0 ? Reach::start : judge_interior(target, offset, holder);
  }
  /// As judge(target, offset) != Reach::none, and cheaper.
  bool points_at(std::uint32_t target, std::uint32_t offset) const {
    return offset != 8 || *index_.size_of(target) != 8 || empty_array(target);
  }
  /// A pointer of this kind keeps a block as one at its start does.
  bool definite(Reach reach) const {
    return reach != Reach::interior || options_.interior == InteriorPointers::reachable;
  }

 private:
  Reach judge_interior(std::uint32_t target, std::uint32_t offset, std::uint32_t holder);
  bool empty_array(std::uint32_t target) const {
    return options_.new_array && (facts_[target] & kEmptyArray) != 0;
  }
  bool inner_vtable(std::uint32_t target, std::uint32_t offset);

  const BlockIndex& index_;
  const std::vector<std::uint8_t>& facts_;
  const ReadMemory& read_;
  const GraphOptions& options_;
  VtableMemo vtables_;
};

}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// The pointers from block to block, as the heap scan found them: 4 bytes for one at a block's start, 8 for
// one into it. In: each block's pointers, from several threads, in any order. Out: the pointers of a block,
// or word that there was no room for them and the block has to be read again. Bounded by a budget, whatever
// the heap holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "harness/classify/pointer_batch.h"

namespace leakgate::classify {

/// A pointer held by a block. Offsets from kFarOffset on are kept as kFarOffset.
struct Edge {
  std::uint32_t target = 0;
  std::uint32_t offset = 0;
};
inline constexpr std::uint32_t kFarOffset = 0xffffffffu;

/// Pointers packed into words: target with two flags, then the offset if it is not 0.
class EdgeList {
 public:
  void clear() {
    words_.clear();
    last_ = kNothing;
  }
  bool empty() const { return words_.empty(); }
  /// Adds a pointer; one equal to the one before is left out.
  void add(const BlockPointer& pointer);
  /// Appends the pointers of `other`.
  void append(const EdgeList& other);
  /// The words, the last pointer marked as such; not empty.
  std::span<const std::uint32_t> finished();

 private:
  friend class EdgeCursor;
  friend class EdgeStore;
  static constexpr std::uint32_t kLast = 0x80000000u;
  static constexpr std::uint32_t kInterior = 0x40000000u;
  static constexpr std::size_t kNothing = ~std::size_t{0};
  std::vector<std::uint32_t> words_;
  std::size_t last_ = kNothing;  // where the last pointer begins
};

/// Steps through packed pointers; empty for a null pointer.
class EdgeCursor {
 public:
  explicit EdgeCursor(const std::uint32_t* words) : words_(words) {}
  /// The position of the next pointer, 0 for the first; to go on later with resume().
  std::uint32_t position() const { return position_; }
  void resume(std::uint32_t position) { position_ = position; }
  static constexpr std::uint32_t kEnd = 0xffffffffu;
  bool next(Edge& edge) {
    if (words_ == nullptr || position_ == kEnd) return false;
    const std::uint32_t word = words_[position_++];
    edge.target = word & ~(EdgeList::kLast | EdgeList::kInterior);
    edge.offset = (word & EdgeList::kInterior) ? words_[position_++] : 0;
    if (word & EdgeList::kLast) position_ = kEnd;
    return true;
  }

 private:
  const std::uint32_t* words_;
  std::uint32_t position_ = 0;
};

class EdgeStore {
 public:
  EdgeStore(std::size_t blocks, std::uint64_t budget_bytes);

  /// Where one thread writes.
  struct Writer {
    std::uint32_t page = 0;
    std::size_t used = kPageWords;  ///< as if full
  };

  /// Keeps the pointers of a block.
  void keep(Writer& writer, std::uint32_t block, EdgeList& edges);
  /// Keeps part of the pointers of a large block; parts count from 0 and may come in any order. Call
  /// join_parts() at the end.
  void keep_part(std::uint32_t block, std::uint64_t part, EdgeList edges);
  void join_parts();

  bool read_again(std::uint32_t block) const { return where_[block] == kReadAgain; }
  /// The packed pointers of a block that need not be read again; null if it has none.
  const std::uint32_t* words(std::uint32_t block) const {
    const std::uint32_t where = where_[block];
    if (where < kLarge) return pages_[where / kPageWords].get() + where % kPageWords;
    return where < kReadAgain ? large_[where - kLarge].data() : nullptr;
  }
  void prefetch_where(std::uint32_t block) const { __builtin_prefetch(&where_[block]); }
  void prefetch_words(std::uint32_t block) const { __builtin_prefetch(words(block)); }

 private:
  static constexpr std::uint32_t kPageWords = 1u << 16;
  static constexpr std::uint32_t kLarge =
      0xc0000000u;  // below: a place in a page; from here on: a row of large_
  static constexpr std::uint32_t kReadAgain = 0xfffffffeu;
  static constexpr std::uint32_t kNone = 0xffffffffu;

  bool open_page(Writer& writer);
  bool take(std::uint64_t bytes);
  void keep_large(std::uint32_t block, std::span<const std::uint32_t> words);

  std::mutex mutex_;
  std::uint64_t left_bytes_;
  std::vector<std::uint32_t> where_;
  std::vector<std::unique_ptr<std::uint32_t[]>> pages_;  // sized for the whole budget: never moves
  std::uint32_t pages_used_ = 0;
  std::vector<std::vector<std::uint32_t>> large_;
  std::map<std::uint32_t, std::map<std::uint64_t, EdgeList>> parts_;
};

}  // namespace leakgate::classify

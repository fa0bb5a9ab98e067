// SPDX-License-Identifier: Apache-2.0
// From words to pointers. In: runs of words. Out: for each word that leads into a block, in order, the block
// and the offset in it. Words are looked up in batches, each memory access of a look-up prefetched for the
// whole batch before it is made: in a heap of gigabytes nearly every one would miss the caches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "harness/classify/block_index.h"

namespace leakgate::classify {

/// A pointer into a block. The offset equals the size of the block where it points one past an empty new[]
/// array.
struct BlockPointer {
  std::uint32_t target = BlockIndex::kNotFound;
  std::uint64_t offset = 0;
};

/// A block of this size whose word is 0 may be `new T[0]` of a class with a destructor: held by a pointer one
/// past it.
inline constexpr std::uint64_t kEmptyArrayBytes = 8;

/// Where `word` points, given the last block that begins at or before it.
inline BlockPointer pointer_from(const BlockIndex& index, std::uint32_t predecessor, std::uint64_t word) {
  const std::uint32_t target = index.containing(predecessor, word);
  if (target != BlockIndex::kNotFound) return {target, word - index.address(target)};
  const bool past_eight = word - index.address(predecessor) == kEmptyArrayBytes &&
                          *index.size_of(predecessor) == kEmptyArrayBytes;
  return past_eight ? BlockPointer{predecessor, kEmptyArrayBytes} : BlockPointer{};
}

/// Looks up words as they are, or where that finds no start of a block, with only the bits of the mask.
class PointerBatch {
 public:
  PointerBatch(const BlockIndex& index, std::uint64_t pointer_mask) : index_(index), mask_(pointer_mask) {
    lowest_ = index.lowest();
    // An empty array may end the last extent, so one address more is let in.
    span_ = index.size() ? index.span() + 1 : 0;
    from_ = lowest_;
    width_ = span_;
  }

  /// Leaves out words that cannot lead into this block.
  void only_into(std::uint32_t block) {
    from_ = index_.address(block);
    width_ = index_.size_bytes(block) + 1;
  }

  /// Takes the words at `address`. Calls emit(holder, address of the word, pointer) for each pointer among
  /// them, now or later, in the order in which they were taken; `holder` is the caller's own.
  template <typename Emit>
  void add(std::uint32_t holder, std::uint64_t address, const std::uint64_t* words, std::size_t count,
           Emit&& emit) {
    if (mask_ != ~std::uint64_t{0}) return add_masked(holder, address, words, count, emit);
    std::size_t i = 0;
    // Much of most programs' memory is text, numbers and zeros.
    for (; i + kTogether <= count; i += kTogether)
      if (may_point(words + i)) take(holder, address + i * 8, words + i, kTogether, emit);
    take(holder, address + i * 8, words + i, count - i, emit);
  }

  /// Emits what was taken and not yet emitted.
  template <typename Emit>
  void finish(Emit&& emit) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < filled_; ++i) {
      const std::uint32_t bucket = bucket_for(batch_[i].word);
      if (bucket == BlockIndex::kNotFound) continue;
      __builtin_prefetch(index_.bucket(bucket));
      batch_[kept] = batch_[i];
      batch_[kept++].at = bucket;
    }
    filled_ = 0;
    for (std::size_t i = 0; i < kept; ++i)
      __builtin_prefetch(index_.start_of(*index_.bucket(batch_[i].at)));
    for (std::size_t i = 0; i < kept; ++i) {
      batch_[i].at = index_.predecessor_in(batch_[i].at, batch_[i].word);
      __builtin_prefetch(index_.size_of(batch_[i].at));
    }
    for (std::size_t i = 0; i < kept; ++i) {
      const BlockPointer pointer = pointer_from(index_, batch_[i].at, batch_[i].word);
      if (pointer.target != BlockIndex::kNotFound) emit(batch_[i].holder, batch_[i].address, pointer);
    }
  }

  /// One word, without prefetching.
  BlockPointer look_up(std::uint64_t word) const {
    const BlockPointer plain = look_up_plain(word);
    const std::uint64_t masked = word & mask_;
    if (masked == word || (plain.target != BlockIndex::kNotFound && plain.offset == 0)) return plain;
    const BlockPointer untagged = look_up_plain(masked);
    return untagged.target == BlockIndex::kNotFound ? plain : untagged;
  }

 private:
  static constexpr std::size_t kBatch = 32;
  struct Candidate {
    std::uint64_t word;
    std::uint64_t address;
    std::uint32_t holder;
    std::uint32_t at;  // bucket, then predecessor
  };

  static constexpr std::size_t kTogether = 8;

  /// Whether any of so many words may be a pointer.
  bool may_point(const std::uint64_t* words) const {
    bool any = false;
    for (std::size_t i = 0; i < kTogether; ++i)
      any |= words[i] - from_ < width_;
    return any;
  }

  template <typename Emit>
  void take(std::uint32_t holder, std::uint64_t address, const std::uint64_t* words, std::size_t count,
            Emit&& emit) {
    for (std::size_t i = 0; i < count; ++i) {
      // Written always, kept if it may be a pointer: words are too mixed for a branch to be foreseen.
      batch_[filled_] = {words[i], address + i * 8, holder, 0};
      filled_ += words[i] - from_ < width_ ? 1 : 0;
      if (filled_ == kBatch) finish(emit);
    }
  }

  BlockPointer look_up_plain(std::uint64_t word) const {
    if (word - lowest_ >= span_) return {};
    const std::uint32_t bucket = bucket_for(word);
    return bucket == BlockIndex::kNotFound ? BlockPointer{}
                                           : pointer_from(index_, index_.predecessor_in(bucket, word), word);
  }

  std::uint32_t bucket_for(std::uint64_t word) const {
    const std::uint32_t bucket = index_.bucket_of(word);
    // One past an extent lies in none: its last byte leads to the block in question.
    return bucket == BlockIndex::kNotFound ? index_.bucket_of(word - 1) : bucket;
  }

  template <typename Emit>
  void add_masked(std::uint32_t holder, std::uint64_t address, const std::uint64_t* words, std::size_t count,
                  Emit&& emit) {
    for (std::size_t i = 0; i < count; ++i) {
      if (words[i] - from_ >= width_ && (words[i] & mask_) - from_ >= width_) continue;
      const BlockPointer pointer = look_up(words[i]);
      if (pointer.target != BlockIndex::kNotFound) emit(holder, address + i * 8, pointer);
    }
  }

  const BlockIndex& index_;
  std::uint64_t mask_;
  std::uint64_t lowest_ = 0;
  std::uint64_t span_ = 0;
  std::uint64_t from_ = 0;   ///< words from here on,
  std::uint64_t width_ = 0;  ///< so many addresses wide, are taken
  std::array<Candidate, kBatch> batch_;
  std::size_t filled_ = 0;
};

}  // namespace leakgate::classify

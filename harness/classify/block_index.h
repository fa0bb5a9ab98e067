// SPDX-License-Identifier: Apache-2.0
// Live blocks by address. In: blocks in any order, overlapping or not. Out: the block an address lies in, in
// a few memory accesses: addresses outside every extent are turned away first, then a bucket leads to the
// block. Columns, not rows: 10 million blocks take 200 MB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace leakgate::classify {

/// A block as the ledger knows it.
struct LiveBlock {
  std::uint64_t address = 0;
  std::uint64_t size_bytes = 0;  ///< as requested
  std::uint32_t id = 0;          ///< the caller's own
};

class BlockIndex {
 public:
  static constexpr std::uint32_t kNotFound = 0xffffffffu;
  /// Most blocks taken; the flags of pointers share a word with the block's number.
  static constexpr std::size_t kMaxBlocks = (std::size_t{1} << 30) - 1;

  BlockIndex() = default;
  /// Sorts by address, larger before smaller at the same address, then by id. Sizes are cut where they pass
  /// the address space.
  explicit BlockIndex(std::vector<LiveBlock> blocks, unsigned threads = 1);

  std::size_t size() const { return starts_.size(); }
  std::uint64_t address(std::size_t i) const { return starts_[i]; }
  std::uint64_t size_bytes(std::size_t i) const { return sizes_[i] == kLarge ? large_.at(i) : sizes_[i]; }
  std::uint32_t id(std::size_t i) const { return ids_[i]; }
  /// One past the last byte that belongs to it; to a block of size 0 belongs its address.
  std::uint64_t end(std::size_t i) const {
    const std::uint64_t bytes = size_bytes(i);
    return starts_[i] + (bytes ? bytes : 1);
  }

  /// The innermost block that contains `address`; kNotFound if none does.
  std::uint32_t find(std::uint64_t address) const;
  /// The first block that begins at or after `address`; size() if none does.
  std::size_t lower_bound(std::uint64_t address) const;
  /// The nearest block around block i (begins no later, ends no sooner); kNotFound if there is none.
  std::uint32_t enclosing(std::uint32_t i) const { return outer_.empty() ? kNotFound : outer_[i]; }
  /// Some block begins inside another.
  bool overlaps() const { return !outer_.empty(); }

  /// All addresses that find() may answer lie in [lowest, lowest + span).
  std::uint64_t lowest() const { return lowest_; }
  std::uint64_t span() const { return span_; }

  // The steps of find(), for scans that look up many addresses at once and prefetch between the steps
  // (pointer_batch.h).
  /// Number of the bucket for `address`; kNotFound if it lies in no extent.
  std::uint32_t bucket_of(std::uint64_t address) const;
  const std::uint32_t* bucket(std::uint32_t number) const { return &buckets_[number]; }
  const std::uint64_t* start_of(std::uint32_t i) const { return &starts_[i]; }
  const std::uint32_t* size_of(std::uint32_t i) const { return &sizes_[i]; }
  /// predecessor() when the bucket is known.
  std::uint32_t predecessor_in(std::uint32_t bucket_number, std::uint64_t address) const;
  /// find() when the predecessor is known.
  std::uint32_t containing(std::uint32_t predecessor, std::uint64_t address) const {
    return address < end(predecessor) ? predecessor : containing_outer(predecessor, address);
  }

 private:
  static constexpr std::uint32_t kLarge = 0xffffffffu;
  /// A run of blocks without a wide gap; buckets of equal width lead into it.
  struct Extent {
    std::uint64_t base = 0;
    std::uint64_t end = 0;
    std::uint32_t first_bucket = 0;
    std::uint32_t buckets = 0;
    std::uint32_t shift = 0;
  };

  void take_columns(std::vector<LiveBlock> blocks);
  void find_overlaps();
  void build_extents();
  void add_extent(std::size_t first, std::size_t last, std::uint64_t end);
  std::uint32_t containing_outer(std::uint32_t i, std::uint64_t address) const;
  void build_coarse();

  std::vector<std::uint64_t> starts_;
  std::vector<std::uint32_t> sizes_;  // kLarge: in large_
  std::vector<std::uint32_t> ids_;
  std::unordered_map<std::size_t, std::uint64_t> large_;
  std::vector<std::uint32_t>
      outer_;  // empty unless blocks overlap: the nearest earlier block that ends no sooner
  std::vector<Extent> extents_;
  std::vector<std::uint32_t>
      buckets_;  // first block that begins in the bucket or later; one more closes the last
  std::vector<std::uint32_t>
      coarse_;  // by distance from lowest_ >> coarse_shift_: how many extents begin before
  std::uint32_t coarse_shift_ = 0;
  std::uint64_t lowest_ = 0;
  std::uint64_t span_ = 0;
};

inline std::uint32_t BlockIndex::bucket_of(std::uint64_t address) const {
  const std::uint64_t distance = address - lowest_;
  if (distance >= span_) return kNotFound;
  const std::size_t granule = distance >> coarse_shift_;
  std::size_t low = coarse_[granule];
  std::size_t high = coarse_[granule + 1];
  while (low < high) {  // the first extent that begins beyond the address
    const std::size_t middle = (low + high) / 2;
    if (extents_[middle].base <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const Extent& extent = extents_[low - 1];
  if (address >= extent.end) return kNotFound;
  const std::uint64_t number = (address - extent.base) >> extent.shift;
  return extent.first_bucket +
         static_cast<std::uint32_t>(number < extent.buckets ? number : extent.buckets - 1);
}

inline std::uint32_t BlockIndex::predecessor_in(std::uint32_t bucket_number, std::uint64_t address) const {
  std::uint32_t low = buckets_[bucket_number];
  std::uint32_t high = buckets_[bucket_number + 1];
  while (high - low > 4) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (starts_[middle] <= address) {
      low = middle;
    } else {
      high = middle;
    }
  }
  while (low < high && starts_[low] <= address)
    ++low;
  return low - 1;  // at least the extent's first block begins no later
}

inline std::uint32_t BlockIndex::find(std::uint64_t address) const {
  const std::uint32_t number = bucket_of(address);
  return number == kNotFound ? kNotFound : containing(predecessor_in(number, address), address);
}

}  // namespace leakgate::classify

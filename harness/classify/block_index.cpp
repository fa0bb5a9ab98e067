// SPDX-License-Identifier: Apache-2.0
// Builds the columns, the extents with their buckets, and the table that leads to the extents.
#include "harness/classify/block_index.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "harness/base/workers.h"

namespace leakgate::classify {
namespace {

constexpr std::uint64_t kTop = std::numeric_limits<std::uint64_t>::max();
/// Block starts further apart than this begin a new extent: buckets over a wide hole would be wasted.
constexpr std::uint64_t kExtentGap = std::uint64_t{1} << 20;
/// Of the table that leads to the extents: more than so many for each extent, as for a large heap, would take
/// longer to fill than they save.
constexpr std::uint64_t kCoarseForEach = 64;
constexpr std::uint64_t kFewestCoarse = std::uint64_t{1} << 10, kMostCoarse = std::uint64_t{1} << 16;
/// Blocks inside blocks inside blocks: no allocator nests deeper, and a hostile ledger must not make look-ups
/// slow.
constexpr int kMaxNesting = 64;
constexpr std::size_t kSortAlone = 200'000;

bool before(const LiveBlock& a, const LiveBlock& b) {
  return std::tie(a.address, b.size_bytes, a.id) < std::tie(b.address, a.size_bytes, b.id);
}

void sort_blocks(std::vector<LiveBlock>& blocks, unsigned threads) {
  if (std::is_sorted(blocks.begin(), blocks.end(), before)) return;
  if (threads < 2 || blocks.size() < kSortAlone) {
    std::sort(blocks.begin(), blocks.end(), before);
    return;
  }
  // Halves split by value and not by position: no merge, and no room for one, is needed afterwards.
  const auto middle = blocks.begin() + static_cast<std::ptrdiff_t>(blocks.size() / 2);
  std::nth_element(blocks.begin(), middle, blocks.end(), before);
  run_workers(2, [&](unsigned worker) {
    std::sort(worker ? middle : blocks.begin(), worker ? blocks.end() : middle, before);
  });
}

}  // namespace

BlockIndex::BlockIndex(std::vector<LiveBlock> blocks, unsigned threads) {
  // No user memory lies at the very top, and ends there would wrap.
  std::erase_if(blocks, [](const LiveBlock& block) { return block.address >= kTop - 1; });
  sort_blocks(blocks, threads);
  if (blocks.size() > kMaxBlocks) blocks.resize(kMaxBlocks);
  take_columns(std::move(blocks));
  if (starts_.empty()) return;
  find_overlaps();
  build_extents();
  build_coarse();
}

void BlockIndex::take_columns(std::vector<LiveBlock> blocks) {
  starts_.reserve(blocks.size());
  sizes_.reserve(blocks.size());
  ids_.reserve(blocks.size());
  for (const LiveBlock& block : blocks) {
    const std::uint64_t bytes = std::min(block.size_bytes, kTop - 1 - block.address);
    if (bytes >= kLarge) large_[starts_.size()] = bytes;
    starts_.push_back(block.address);
    sizes_.push_back(bytes < kLarge ? static_cast<std::uint32_t>(bytes) : kLarge);
    ids_.push_back(block.id);
  }
}

void BlockIndex::find_overlaps() {
  std::uint64_t furthest = 0;
  bool overlapping = false;
  for (std::size_t i = 0; i < size() && !overlapping; ++i) {
    overlapping = i > 0 && starts_[i] < furthest;
    furthest = std::max(furthest, end(i));
  }
  if (!overlapping) return;
  outer_.assign(size(), kNotFound);
  std::vector<std::uint32_t> open;  // ends fall from bottom to top
  for (std::size_t i = 0; i < size(); ++i) {
    const std::uint64_t i_end = end(i);
    while (!open.empty() && end(open.back()) < i_end)
      open.pop_back();
    if (!open.empty()) outer_[i] = open.back();  // it ends beyond i's end, so it contains i
    open.push_back(static_cast<std::uint32_t>(i));
  }
}

void BlockIndex::build_extents() {
  lowest_ = starts_.front();
  std::uint64_t furthest = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    if (i > first && starts_[i] - starts_[i - 1] > kExtentGap) {
      add_extent(first, i - 1, furthest);
      first = i;
    }
    furthest = std::max(furthest, end(i));  // of all so far: a wide block may reach over later extents
  }
  add_extent(first, size() - 1, furthest);
  buckets_.push_back(static_cast<std::uint32_t>(size()));
  span_ = furthest - lowest_;
}

void BlockIndex::add_extent(std::size_t first, std::size_t last, std::uint64_t extent_end) {
  const std::uint64_t width = starts_[last] - starts_[first] + 1;
  const std::uint64_t blocks = last - first + 1;
  Extent extent;
  extent.base = starts_[first];
  extent.end = extent_end;
  extent.first_bucket = static_cast<std::uint32_t>(buckets_.size());
  extent.shift = 4;
  while ((width >> extent.shift) > blocks)
    ++extent.shift;
  extent.buckets = static_cast<std::uint32_t>(((width - 1) >> extent.shift) + 1);
  std::size_t i = first;
  for (std::uint64_t number = 0; number < extent.buckets; ++number) {
    const std::uint64_t bucket_base = extent.base + (number << extent.shift);
    while (i <= last && starts_[i] < bucket_base)
      ++i;
    buckets_.push_back(static_cast<std::uint32_t>(i));
  }
  extents_.push_back(extent);
}

void BlockIndex::build_coarse() {
  const std::uint64_t entries = std::clamp(kCoarseForEach * extents_.size(), kFewestCoarse, kMostCoarse);
  while ((span_ >> coarse_shift_) >= entries)
    ++coarse_shift_;
  const std::size_t granules = (span_ >> coarse_shift_) + 1;
  coarse_.reserve(granules + 1);
  std::size_t extent = 0;
  for (std::size_t granule = 0; granule <= granules; ++granule) {
    const std::uint64_t distance = static_cast<std::uint64_t>(granule) << coarse_shift_;
    while (extent < extents_.size() && extents_[extent].base - lowest_ < distance)
      ++extent;
    coarse_.push_back(static_cast<std::uint32_t>(extent));
  }
  coarse_.back() = static_cast<std::uint32_t>(extents_.size());  // the last distance may have wrapped
}

std::size_t BlockIndex::lower_bound(std::uint64_t address) const {
  if (starts_.empty() || address <= lowest_) return 0;
  return static_cast<std::size_t>(std::lower_bound(starts_.begin(), starts_.end(), address) -
                                  starts_.begin());
}

std::uint32_t BlockIndex::containing_outer(std::uint32_t i, std::uint64_t address) const {
  if (outer_.empty()) return kNotFound;
  for (int level = 0; level < kMaxNesting; ++level) {
    i = outer_[i];
    if (i == kNotFound || address < end(i)) return i;
  }
  return kNotFound;
}

}  // namespace leakgate::classify

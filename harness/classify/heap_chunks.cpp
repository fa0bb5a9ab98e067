// SPDX-License-Identifier: Apache-2.0
// From one chunk to the next by their sizes. A piece of a heap ends with the arena's last chunk ("top"), or,
// where a later piece does not follow it, with two chunks too small for anything.
#include "harness/classify/heap_chunks.h"

#include <algorithm>
#include <span>

namespace leakgate::classify {
namespace {

constexpr std::uint64_t kFlags = 7;
constexpr std::uint64_t kPreviousInUse = 1;  // of the first one of a piece, too
constexpr std::uint64_t kFarthestStart = 4 << 20;
constexpr std::uint64_t kArenaFlag = 4;  // a chunk of another arena than the main one
constexpr std::uint64_t kFencepost = 16;
constexpr std::uint64_t kSmallest = 32;
constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kNearWords = 8192;
// glibc's struct malloc_state: 127 pairs of words, an empty one pointing at itself, behind 112 bytes and
// before 56; two words before them the last chunk
constexpr std::uint64_t kBinPairs = 127;
constexpr std::uint64_t kBeforeBins = 112;
constexpr std::uint64_t kTopBeforeBins = 16;
constexpr std::uint64_t kAfterBins = 56;
constexpr std::uint64_t kFewestEmptyBins = 32;
constexpr std::uint64_t kLargestCLibraryData = 4 << 20;

}  // namespace

/// 0 where nothing can be read, or the address is none of a word.
std::uint64_t HeapChunks::word(std::uint64_t address) {
  if (address % sizeof address != 0) return 0;
  if (address - near_start_ >= near_.size() * sizeof address) {
    near_start_ = address / kPage * kPage;
    near_.resize(kNearWords);
    near_.resize(held_.read(near_start_, std::as_writable_bytes(std::span(near_))) / sizeof address);
  }
  const std::uint64_t index = (address - near_start_) / sizeof address;
  return index < near_.size() ? near_[index] : 0;
}

std::pair<std::uint64_t, std::uint64_t> HeapChunks::arena_state_in(std::uint64_t start,
                                                                   std::uint64_t end) const {
  std::uint64_t empty = 0, last = 0;
  if (end - start > kLargestCLibraryData) return {end, end};
  std::vector<std::uint64_t> words((end - start) / 8);
  const std::size_t got = held_.read(start, std::as_writable_bytes(std::span(words))) / 8;
  for (std::size_t i = 0; i + 1 < got; ++i) {
    const std::uint64_t address = start + i * 8;
    if (words[i] != address - 16 || words[i + 1] != address - 16) continue;
    ++empty;
    last = address;
  }
  if (empty < kFewestEmptyBins) return {end, end};
  const std::uint64_t bins = last - (kBinPairs - 1) * 16;  // the last pair is never used
  return {std::max(bins - kBeforeBins, start), std::min(last + 16 + kAfterBins, end)};
}

/// 0 where it is not found.
std::uint64_t HeapChunks::main_top() {
  if (main_top_) return *main_top_;
  main_top_ = 0;
  for (const model::HeldMapping& mapping : held_.mappings) {
    if (mapping.module == model::kNone || !mapping.writable || !mapping.readable) continue;
    const auto [state, state_end] = arena_state_in(mapping.start, mapping.end);
    if (state == state_end) continue;
    main_top_ = word(state + kBeforeBins - kTopBeforeBins);
    break;
  }
  return *main_top_;
}

/// Where the chunks from `chunk` on end: at `limit`, or where their heap does.
std::uint64_t HeapChunks::walk(std::uint64_t chunk, std::uint64_t arena_flag, std::uint64_t limit) {
  for (const std::uint64_t first = chunk; chunk < limit && steps_left_ != 0; --steps_left_) {
    const std::uint64_t head = word(chunk + 8), bytes = head & ~kFlags;
    if ((head & kArenaFlag) != arena_flag || (head & kMmappedFlag) != 0) return chunk;
    // where the last chunk is not known, any page may be the first behind it
    if (chunk != first && chunk % kPage == 0 && (arena_flag != 0 || main_top() == 0)) return chunk;
    if (bytes == kFencepost) return std::min(chunk + 2 * kFencepost, limit);
    if (bytes < kSmallest || bytes % 16 != 0 || bytes > limit - chunk) return chunk;
    if (arena_flag == 0 && chunk == main_top()) return chunk + bytes;
    chunk += bytes;
  }
  return chunk;
}

/// Whether what stands before the block is what glibc writes for a block of so many bytes.
bool HeapChunks::is_chunk_of(std::uint64_t block, std::uint64_t bytes) {
  const std::uint64_t head = head_of(block), size = head & ~kFlags;
  const std::uint64_t wanted = std::max((bytes + 8 + 15) / 16 * 16, kSmallest);
  return held_.c_library_allocates && (head & kMmappedFlag) == 0 && size >= wanted &&
         size <= wanted + kSmallest;
}

std::optional<std::uint64_t> HeapChunks::end_behind(std::uint64_t block, std::uint64_t bytes,
                                                    std::uint64_t limit) {
  if (!is_chunk_of(block, bytes)) return std::nullopt;
  const std::uint64_t head = head_of(block), chunk = block - kChunkHeader;
  const std::uint64_t end = walk(chunk, head & kArenaFlag, limit);
  if (end < chunk + (head & ~kFlags)) return std::nullopt;
  return end;
}

std::uint64_t HeapChunks::start_before(std::uint64_t block, std::uint64_t bytes, std::uint64_t from) {
  std::uint64_t start = block;
  const std::uint64_t chunk = block - kChunkHeader, arena_flag = head_of(block) & kArenaFlag;
  if (chunk <= from || !is_chunk_of(block, bytes)) return start;
  const std::uint64_t lowest = chunk - std::min(chunk - from, kFarthestStart);
  for (std::uint64_t page = chunk / kPage * kPage; page >= lowest && steps_left_ != 0;
       page -= kPage, --steps_left_) {
    if ((word(page + 8) & (kFlags | kArenaFlag)) != (kPreviousInUse | arena_flag)) continue;
    if (page == chunk || walk(page, arena_flag, chunk) == chunk) start = page;
  }
  return start;
}

}  // namespace leakgate::classify

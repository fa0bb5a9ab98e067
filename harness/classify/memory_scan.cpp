// SPDX-License-Identifier: Apache-2.0
// Loads pieces and steps over holes.
#include "harness/classify/memory_scan.h"

namespace leakgate::classify {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
/// So many unreadable pages in a row are stepped over one by one (guard pages, a gap in an arena); a longer
/// hole, such as the reserved terabytes of a shadow map, in steps that double.
constexpr std::uint64_t kSinglePages = 1024;
constexpr std::uint64_t kLongestStep = std::uint64_t{1} << 40;
/// No user memory lies beyond, five levels of page tables included.
constexpr std::uint64_t kUserEnd = std::uint64_t{1} << 57;

}  // namespace

MemoryScan::MemoryScan(const ReadMemory& read, const NextTouched& next_touched, std::size_t window_bytes)
    : read_(read),
      next_touched_(next_touched),
      window_words_(std::max<std::size_t>(window_bytes / 8, 1)),
      window_(std::make_unique_for_overwrite<std::uint64_t[]>(window_words_)) {}

std::uint64_t MemoryScan::word(std::uint64_t address) const {
  if (address >= window_begin_ && address < window_end_) return window_[(address - window_begin_) / 8];
  std::uint64_t word = 0;
  const std::span<std::byte> out = std::as_writable_bytes(std::span(&word, 1));
  return read_(address, out) == out.size() ? word : 0;
}

std::uint64_t MemoryScan::bounded(std::uint64_t from, std::uint64_t end) {
  if (end <= kUserEnd) return end;
  unreadable_bytes_ += end - std::min(end, std::max(from, kUserEnd));
  return from < kUserEnd ? kUserEnd : 0;
}

std::uint64_t MemoryScan::load(std::uint64_t at, std::uint64_t end, std::uint64_t ahead) {
  if (at >= hole_begin_ && at < hole_end_) {
    const std::uint64_t beyond = std::min(end, hole_end_);
    if (hole_unreadable_) unreadable_bytes_ += beyond - at;
    return beyond;
  }
  const std::uint64_t window_bytes = window_words_ * 8;
  std::uint64_t stop = align_down8(ahead - at > window_bytes ? at + window_bytes : ahead);
  if (next_touched_) {
    // as far as the range goes: piece by piece a block of a terabyte that is reserved alone would take
    // minutes
    const std::uint64_t limit = std::max(stop, end);
    const std::uint64_t touched = std::clamp(next_touched_(at, limit), at, limit);
    if (touched > at) {
      hole_begin_ = at;
      hole_end_ = touched;
      hole_unreadable_ = false;
      return std::min(end, std::max(align_down8(touched), at + 8));
    }
  }
  const std::span<std::byte> out =
      std::as_writable_bytes(std::span(window_.get(), window_words_)).first(stop - at);
  const std::uint64_t got = align_down8(std::min<std::uint64_t>(read_(at, out), out.size()));
  window_begin_ = at;
  window_end_ = at + got;
  if (got == 0) return skip_unreadable(at, end);
  failures_ = 0;
  return at;
}

std::uint64_t MemoryScan::skip_unreadable(std::uint64_t at, std::uint64_t end) {
  ++failures_;
  std::uint64_t step = kPageBytes;
  for (std::uint64_t i = kSinglePages; i < failures_ && step < kLongestStep; ++i)
    step *= 2;
  const std::uint64_t page = at / kPageBytes * kPageBytes;
  const std::uint64_t page_end = page + step;
  hole_begin_ = at;
  hole_end_ = page_end;
  hole_unreadable_ = true;
  const std::uint64_t beyond = std::min(end, page_end);
  unreadable_bytes_ += beyond - at;
  return beyond;
}

}  // namespace leakgate::classify

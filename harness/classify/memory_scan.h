// SPDX-License-Identifier: Apache-2.0
// Words of memory, read in large pieces. In: ranges in rising order, mostly close together, and a way to
// read. Out: runs of whole aligned words; what cannot be read is skipped and counted, what was never touched
// is skipped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "harness/classify/graph_input.h"

namespace leakgate::classify {

constexpr std::uint64_t align_up8(std::uint64_t address) {
  return (address + 7) & ~std::uint64_t{7};
}
constexpr std::uint64_t align_down8(std::uint64_t address) {
  return address & ~std::uint64_t{7};
}

/// One per thread. Keeps the piece read last, so that neighbours cost one read together.
class MemoryScan {
 public:
  /// `window_bytes`: the size of a piece; a small one for single blocks here and there.
  MemoryScan(const ReadMemory& read, const NextTouched& next_touched,
             std::size_t window_bytes = kWindowBytes);

  /// Calls visit(address, words, count) for the readable whole words of [from, end), in order, until it
  /// returns false, if it returns anything. More may be read at once, up to `ahead`, for the ranges that come
  /// next.
  template <typename Visit>
  void scan(std::uint64_t from, std::uint64_t end, std::uint64_t ahead, Visit&& visit) {
    end = bounded(from, align_down8(end));
    for (std::uint64_t at = align_up8(from); at < end;) {
      if (at < window_begin_ || at >= window_end_) {
        at = load(at, end, std::max(ahead, end));
        continue;
      }
      const std::uint64_t stop = std::min(end, window_end_);
      const std::size_t count = (stop - at) / 8;
      const std::uint64_t* const words = window_.get() + (at - window_begin_) / 8;
      scanned_bytes_ += count * 8;
      if constexpr (std::is_void_v<
                        std::invoke_result_t<Visit, std::uint64_t, const std::uint64_t*, std::size_t>>)
        visit(at, words, count);
      else if (!visit(at, words, count))
        return;
      at = stop;
    }
  }

  /// The word at an aligned address: of the piece read last, else read for itself; 0 if it cannot be read.
  std::uint64_t word(std::uint64_t address) const;

  std::uint64_t scanned_bytes() const { return scanned_bytes_; }
  std::uint64_t unreadable_bytes() const { return unreadable_bytes_; }

 private:
  // Small enough to stay in the second-level cache between the copy and the look at it.
  static constexpr std::size_t kWindowBytes = std::size_t{256} << 10;

  /// `end`, or less where the range leaves what a process can address.
  std::uint64_t bounded(std::uint64_t from, std::uint64_t end);
  /// Reads a piece at `at`, and returns where to go on: `at`, or beyond what cannot or need not be read.
  std::uint64_t load(std::uint64_t at, std::uint64_t end, std::uint64_t ahead);
  std::uint64_t skip_unreadable(std::uint64_t at, std::uint64_t end);

  const ReadMemory& read_;
  const NextTouched& next_touched_;
  std::size_t window_words_;
  std::unique_ptr<std::uint64_t[]> window_;
  std::uint64_t window_begin_ = 0;
  std::uint64_t window_end_ = 0;
  std::uint64_t hole_begin_ = 0;  // not to be read: never touched, or found unreadable
  std::uint64_t hole_end_ = 0;
  bool hole_unreadable_ = false;
  std::uint64_t failures_ = 0;  // in a row
  std::uint64_t scanned_bytes_ = 0;
  std::uint64_t unreadable_bytes_ = 0;
};

}  // namespace leakgate::classify

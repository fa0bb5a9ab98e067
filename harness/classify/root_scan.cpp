// SPDX-License-Identifier: Apache-2.0
// Cuts ranges into pieces, scans a wave of pieces at a time with all threads, and hands the finds on in
// order.
#include "harness/classify/root_scan.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "harness/base/workers.h"
#include "harness/classify/memory_scan.h"

namespace leakgate::classify {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxPieces = 4096;  // of one range
constexpr std::size_t kWave = 16;
/// Ranges smaller than this are scanned by one thread.
constexpr std::uint64_t kAloneBytes = std::uint64_t{1} << 20;

struct Piece {
  std::uint32_t root = 0;
  std::uint64_t from = 0;
  std::uint64_t end = 0;
  std::vector<RootPointer> found;
};

/// Deals out the pieces of all ranges in order.
class Pieces {
 public:
  explicit Pieces(std::span<const RootRange> ranges) : ranges_(ranges) {}

  /// The next pieces, so many that together they hold a wave's worth; none at the end.
  void next_wave(std::vector<Piece>& wave) {
    wave.clear();
    for (std::uint64_t bytes = 0; bytes < kWave * kPieceBytes && root_ < ranges_.size();) {
      const RootRange& range = ranges_[root_];
      const std::uint64_t begin = std::max(align_up8(range.start), at_);
      const std::uint64_t end = align_down8(range.end);
      if (begin >= end || begin < range.start) {
        ++root_;
        at_ = 0;
        continue;
      }
      const std::uint64_t whole = end - align_up8(range.start);
      const std::uint64_t step = std::max(kPieceBytes, align_up8(whole / kMaxPieces));
      const std::uint64_t stop = end - begin > step ? begin + step : end;
      wave.push_back({static_cast<std::uint32_t>(root_), begin, stop, {}});
      bytes += stop - begin;
      at_ = stop;
    }
  }

 private:
  std::span<const RootRange> ranges_;
  std::size_t root_ = 0;
  std::uint64_t at_ = 0;
};

/// Calls visit(from, end) for each part of [from, end) that lies in no block.
template <typename Visit>
void for_each_gap(const BlockIndex& index, std::uint64_t from, std::uint64_t end, Visit&& visit) {
  std::uint64_t at = from;
  for (std::uint32_t i = index.find(at); i != BlockIndex::kNotFound && at < end; i = index.find(at)) {
    at = index.end(i);
  }
  for (std::size_t i = index.lower_bound(at); at < end;) {
    const std::uint64_t stop = i < index.size() ? std::min(end, index.address(i)) : end;
    if (stop > at) visit(at, stop);
    if (i >= index.size()) return;
    at = std::max(std::max(at, stop), index.end(i++));
  }
}

/// One thread's share.
class RootScanner {
 public:
  RootScanner(const BlockIndex& index, std::span<const RootRange> ranges, const ReadMemory& read,
              const GraphOptions& options)
      : index_(index),
        ranges_(ranges),
        memory_(read, options.next_touched),
        batch_(index, options.pointer_mask),
        is_residue_(options.is_residue) {}

  void run(Piece& piece) {
    const RootRange& range = ranges_[piece.root];
    const std::uint64_t base = align_up8(range.start);
    const auto keep = [&](std::uint32_t root, std::uint64_t address, const BlockPointer& pointer) {
      if (is_residue_ && pointer.offset == 0 &&
          is_residue_(index_.id(pointer.target), memory_.word(address + 8)))
        return;
      piece.found.push_back({root, (address - base) / 8, pointer});
    };
    const auto scan = [&](std::uint64_t from, std::uint64_t end) {
      memory_.scan(from, end, piece.end,
                   [&](std::uint64_t address, const std::uint64_t* words, std::size_t count) {
                     batch_.add(piece.root, address, words, count, keep);
                   });
    };
    const bool may_hold_blocks = range.kind == RootKind::mapping || range.kind == RootKind::module_data;
    if (may_hold_blocks && index_.size() != 0) {
      for_each_gap(index_, piece.from, piece.end, scan);
    } else {
      scan(piece.from, piece.end);
    }
    batch_.finish(keep);
  }

  const MemoryScan& memory() const { return memory_; }

 private:
  const BlockIndex& index_;
  std::span<const RootRange> ranges_;
  MemoryScan memory_;
  PointerBatch batch_;
  const IsResidue& is_residue_;
};

bool more_than(std::span<const RootRange> ranges, std::uint64_t bytes) {
  return std::any_of(ranges.begin(), ranges.end(), [bytes](const RootRange& range) {
    return range.end > range.start && range.end - range.start > bytes;
  });
}

}  // namespace

void scan_roots(const BlockIndex& index, std::span<const RootRange> ranges, std::span<const RootWords> words,
                const ReadMemory& read, const GraphOptions& options,
                const std::function<void(const RootPointer&)>& visit, GraphStats& stats) {
  const unsigned workers = more_than(ranges, kAloneBytes) ? worker_count(options.threads) : 1;
  std::vector<RootScanner> scanners;
  for (unsigned i = 0; i < workers; ++i)
    scanners.emplace_back(index, ranges, read, options);
  Pieces pieces(ranges);
  std::vector<Piece> wave;
  for (pieces.next_wave(wave); !wave.empty(); pieces.next_wave(wave)) {
    std::atomic<std::size_t> next{0};
    const unsigned useful = static_cast<unsigned>(std::min<std::size_t>(workers, wave.size()));
    run_workers(useful, [&](unsigned worker) {
      for (std::size_t i = next++; i < wave.size(); i = next++)
        scanners[worker].run(wave[i]);
    });
    for (const Piece& piece : wave) {
      for (const RootPointer& found : piece.found)
        visit(found);
    }
  }
  for (const RootScanner& scanner : scanners) {
    stats.root_bytes += scanner.memory().scanned_bytes();
    stats.unreadable_bytes += scanner.memory().unreadable_bytes();
  }
  const PointerBatch batch(index, options.pointer_mask);
  for (std::size_t root = 0; root < words.size(); ++root) {
    stats.root_bytes += words[root].words.size() * 8;
    for (std::size_t i = 0; i < words[root].words.size(); ++i) {
      const BlockPointer pointer = batch.look_up(words[root].words[i]);
      if (pointer.target == BlockIndex::kNotFound) continue;
      visit({static_cast<std::uint32_t>(ranges.size() + root), i, pointer});
    }
  }
}

}  // namespace leakgate::classify

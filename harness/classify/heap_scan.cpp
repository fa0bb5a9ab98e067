// SPDX-License-Identifier: Apache-2.0
// Cuts the heap into tasks (many small blocks, or a part of a large one) and scans them.
#include "harness/classify/heap_scan.h"

#include <algorithm>
#include <mutex>

#include "harness/base/workers.h"

namespace leakgate::classify {
namespace {

/// About so much memory makes a task; blocks of more than this are cut.
constexpr std::uint64_t kTaskBytes = std::uint64_t{2} << 20;
constexpr std::size_t kTaskBlocks = 8192;
constexpr std::uint64_t kMaxParts = 1024;
/// Gaps up to this are read over rather than around.
constexpr std::uint64_t kReadOverGap = 4096;
/// A program may have made a stack of so large a block: tracers leave words there.
constexpr std::uint64_t kLeastStack = 2048;
/// Below this one thread is done before a second has started.
constexpr std::uint64_t kAloneBytes = std::uint64_t{1} << 20;

/// Blocks [first, last), or where `parts` is not 0, one part of the block `first`.
struct Task {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint64_t part = 0;
  std::uint64_t parts = 0;
};

bool holds_others(const BlockIndex& index, std::size_t i) {
  return i + 1 < index.size() && index.address(i + 1) < index.end(i);
}

/// Deals out tasks in the order of addresses.
class Tasks {
 public:
  explicit Tasks(const BlockIndex& index) : index_(index) {}

  bool next(Task& task) {
    const std::lock_guard lock(mutex_);
    if (at_ >= index_.size()) return false;
    const std::uint32_t first = static_cast<std::uint32_t>(at_);
    const std::uint64_t bytes = index_.size_bytes(at_);
    if (bytes > 2 * kTaskBytes && !holds_others(index_, at_)) {
      const std::uint64_t parts = std::min(bytes / kTaskBytes, kMaxParts);
      task = {first, first + 1, part_, parts};
      if (++part_ == parts) {
        part_ = 0;
        ++at_;
      }
      return true;
    }
    std::uint64_t sum = 0;
    while (at_ < index_.size() && at_ - first < kTaskBlocks && sum < kTaskBytes) {
      if (at_ > first && index_.size_bytes(at_) > 2 * kTaskBytes) break;
      sum += index_.size_bytes(at_++);
    }
    task = {first, static_cast<std::uint32_t>(at_), 0, 0};
    return true;
  }

 private:
  const BlockIndex& index_;
  std::mutex mutex_;
  std::size_t at_ = 0;
  std::uint64_t part_ = 0;
};

/// Adds a pointer found in block `holder`. One into the holder itself says nothing (short strings, empty
/// lists); one at its start makes it a cycle.
void add_edge(EdgeList& edges, std::uint32_t holder, const BlockPointer& pointer) {
  if (pointer.target == holder && pointer.offset != 0) return;
  edges.add(pointer);
}

bool is_residue(const BlockIndex& index, const GraphOptions& options, const MemoryScan& memory,
                std::uint32_t holder, std::uint64_t address, const BlockPointer& pointer) {
  return options.is_residue && pointer.offset == 0 && index.size_bytes(holder) >= kLeastStack &&
         options.is_residue(index.id(pointer.target), memory.word(address + 8));
}

/// One thread's share.
class HeapScanner {
 public:
  HeapScanner(const BlockIndex& index, const ReadMemory& read, const GraphOptions& options, EdgeStore& store,
              std::vector<std::uint8_t>& facts)
      : index_(index),
        options_(options),
        store_(store),
        facts_(facts),
        memory_(read, options.next_touched),
        batch_(index, options.pointer_mask),
        vtables_(options.is_vtable) {}

  void run(const Task& task) {
    holder_ = task.first;
    edges_.clear();
    if (task.parts != 0) return scan_part(task);
    std::uint64_t run_end = 0;
    for (std::uint32_t i = task.first; i < task.last; ++i) {
      if (index_.end(i) > run_end) run_end = end_of_run(i, task.last);
      for_each_searched_part(index_, options_, i, [&](std::uint64_t from, std::uint64_t end) {
        scan(i, from, end, std::max(end, run_end));
      });
    }
    finish_batch();
    store_.keep(writer_, holder_, edges_);
  }

  const MemoryScan& memory() const { return memory_; }

 private:
  /// Where the blocks from i on that lie close together end.
  std::uint64_t end_of_run(std::uint32_t i, std::uint32_t last) const {
    std::uint64_t end = index_.end(i);
    while (++i < last && index_.address(i) <= end + kReadOverGap)
      end = std::max(end, index_.end(i));
    return end;
  }

  void scan_part(const Task& task) {
    const std::uint64_t start = index_.address(task.first);
    const std::uint64_t width = index_.size_bytes(task.first) / task.parts;
    const std::uint64_t from = task.part == 0 ? start : align_down8(start + task.part * width);
    const bool last = task.part + 1 == task.parts;
    const std::uint64_t slack = last && options_.slack ? options_.slack(index_.id(task.first)) : 0;
    const std::uint64_t end =
        last ? index_.end(task.first) + slack : align_down8(start + (task.part + 1) * width);
    scan(task.first, from, end, end);
    finish_batch();
    store_.keep_part(task.first, task.part, edges_);
  }

  void scan(std::uint32_t i, std::uint64_t from, std::uint64_t end, std::uint64_t ahead) {
    std::uint64_t head[2];
    std::size_t known = 0;
    const std::uint64_t start = index_.address(i);
    const std::uint64_t words_at_start = std::min<std::uint64_t>(index_.size_bytes(i) / 8, 2);
    memory_.scan(from, end, ahead, [&](std::uint64_t address, const std::uint64_t* words, std::size_t count) {
      for (std::size_t w = 0; w < count && known < words_at_start && address + w * 8 == start + known * 8;
           ++w) {
        head[known++] = words[w];
      }
      batch_.add(
          i, address, words, count,
          [this](std::uint32_t holder, std::uint64_t at, const BlockPointer& p) { take(holder, at, p); });
    });
    if (known != 0) facts_[i] = facts_of(std::span(head, known), index_.size_bytes(i), vtables_);
  }

  /// Pointers come in the order of holders: the first of the next holder ends the list of the one before.
  void take(std::uint32_t holder, std::uint64_t address, const BlockPointer& pointer) {
    if (is_residue(index_, options_, memory_, holder, address, pointer)) return;
    if (holder != holder_) {
      store_.keep(writer_, holder_, edges_);
      edges_.clear();
      holder_ = holder;
    }
    add_edge(edges_, holder, pointer);
  }

  void finish_batch() {
    batch_.finish(
        [this](std::uint32_t holder, std::uint64_t at, const BlockPointer& p) { take(holder, at, p); });
  }

  const BlockIndex& index_;
  const GraphOptions& options_;
  EdgeStore& store_;
  std::vector<std::uint8_t>& facts_;
  MemoryScan memory_;
  PointerBatch batch_;
  VtableMemo vtables_;
  EdgeStore::Writer writer_;
  std::uint32_t holder_ = 0;
  EdgeList edges_;  // of holder_, so far
};

/// Whether the blocks hold more than `bytes`, without adding up what may not fit a number.
bool more_than(const BlockIndex& index, std::uint64_t bytes) {
  if (index.size() > bytes / 16) return true;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < index.size() && sum <= bytes; ++i)
    sum += std::min(index.size_bytes(i), bytes + 1);
  return sum > bytes;
}

}  // namespace

void scan_heap(const BlockIndex& index, const ReadMemory& read, const GraphOptions& options, EdgeStore& edges,
               std::vector<std::uint8_t>& facts, GraphStats& stats) {
  Tasks tasks(index);
  std::mutex mutex;
  const unsigned workers = more_than(index, kAloneBytes) ? worker_count(options.threads) : 1;
  run_workers(workers, [&](unsigned) {
    HeapScanner scanner(index, read, options, edges, facts);
    for (Task task; tasks.next(task);)
      scanner.run(task);
    const std::lock_guard lock(mutex);
    stats.heap_bytes += scanner.memory().scanned_bytes();
    stats.unreadable_bytes += scanner.memory().unreadable_bytes();
  });
  edges.join_parts();
}

const std::uint32_t* EdgeSource::read_words(std::uint32_t block, EdgeList& scratch) {
  ++blocks_read_;
  scratch.clear();
  PointerBatch batch(index_, options_.pointer_mask);
  const auto add = [&](std::uint32_t, std::uint64_t address, const BlockPointer& pointer) {
    if (!is_residue(index_, options_, memory_, block, address, pointer)) add_edge(scratch, block, pointer);
  };
  for_each_searched_part(index_, options_, block, [&](std::uint64_t from, std::uint64_t end) {
    memory_.scan(from, end, end, [&](std::uint64_t address, const std::uint64_t* words, std::size_t count) {
      batch.add(block, address, words, count, add);
    });
  });
  batch.finish(add);
  return scratch.empty() ? nullptr : scratch.finished().data();
}

}  // namespace leakgate::classify

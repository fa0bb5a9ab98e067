// SPDX-License-Identifier: Apache-2.0
// InheritedBlocks: what a forked process has in its memory of its parent's blocks. They are the parent's to
// free and to answer for, but what they hold in the child is held. In: forks and ends, in order. Out: blocks
// to be classified beside the child's own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "bpf/wire.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

/// Calls `take` for each block that the ledger has of `process`.
using VisitBlocksOf =
    std::function<void(std::uint32_t process, const std::function<void(const model::HeldBlock&)>& take)>;

class InheritedBlocks {
 public:
  /// `start_ns` is the trace's, from which blocks count their time.
  InheritedBlocks(VisitBlocksOf visit, std::uint64_t start_ns)
      : visit_(std::move(visit)), start_ns_(start_ns) {}

  void fork(std::uint32_t parent, std::uint32_t child, std::uint64_t time_ns);
  /// The process is over, or has become another program. To be called while its blocks can still be visited.
  void end(std::uint32_t process);
  /// Adds to the process's own `blocks`, which are sorted by address and stay so, those that its ancestors
  /// had when they forked, to a timer tick, and still have. What an ancestor has freed since is not known;
  /// what the process itself has freed of them counts as there, unless a block of its own begins in it. Of
  /// very many ancestors the nearest are asked.
  void add_to(std::uint32_t process, std::vector<model::HeldBlock>& blocks) const;

 private:
  struct Origin {
    std::uint32_t parent = 0;
    std::uint32_t time_ms = 0;  ///< blocks with a later time were made after the fork
  };
  /// Of the process; where it is over, of its ancestors too.
  [[nodiscard]] std::vector<model::HeldBlock> blocks_of(std::uint32_t process) const;

  VisitBlocksOf visit_;
  std::uint64_t start_ns_;
  std::map<std::uint32_t, Origin> origins_;                      ///< of forked processes that are not over
  std::map<std::uint32_t, std::uint32_t> children_;              ///< how many of those each has
  std::map<std::uint32_t, std::vector<model::HeldBlock>> kept_;  ///< of processes that are over and have some
};

/// A block of the ledger's as classify wants it.
[[nodiscard]] model::HeldBlock held_block(const lg_live_key& key, const lg_live& block);

}  // namespace leakgate::capture

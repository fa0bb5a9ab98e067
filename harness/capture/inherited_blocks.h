// SPDX-License-Identifier: Apache-2.0
// InheritedBlocks: what a forked process has in its memory of its parent's blocks. They are the parent's to
// free and to answer for, but what they hold in the child is held. In: forks and ends, in order. Out: blocks
// to be classified beside the child's own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "harness/capture/family_ledger.h"
#include "harness/model/held_process.h"

namespace leakgate::capture {

class InheritedBlocks {
 public:
  /// `start_ns` is the trace's, from which blocks count their time.
  InheritedBlocks(std::unique_ptr<FamilyLedger> ledger, std::uint64_t start_ns)
      : ledger_(std::move(ledger)), start_ns_(start_ns) {}

  void fork(std::uint32_t parent, std::uint32_t child, std::uint64_t time_ns);
  /// The process is over, or has become another program. To be called while its blocks can still be visited.
  void end(std::uint32_t process);
  /// Adds to the process's own `blocks`, which are sorted by address and stay so, those that its ancestors
  /// had when they forked, to a timer tick, whether they still have them or not; but for those that the
  /// process itself has freed. Of very many ancestors the nearest are asked.
  void add_to(std::uint32_t process, std::vector<model::HeldBlock>& blocks) const;

 private:
  struct Origin {
    std::uint32_t parent = 0;
    std::uint32_t time_ms = 0;  ///< blocks with a later time were made after the fork
  };
  /// What a process that has forked has, or had.
  struct Estate {
    std::vector<model::HeldBlock> blocks;  ///< its own; where it has ended, inherited ones, too
    FamilyLedger::Freed freed;
  };
  /// A process that has forked, as long as one of its children lives.
  struct Family {
    std::set<std::uint32_t> children;  ///< those that have ended, too
    std::size_t living = 0;
    std::optional<Estate> estate;  ///< of a parent that has ended
  };
  [[nodiscard]] Estate estate_of(std::uint32_t process) const;
  /// Adds what the process inherited, but for what begins at the addresses `gone`.
  void add(std::uint32_t process, std::set<std::uint64_t> gone, std::vector<model::HeldBlock>& blocks) const;

  std::unique_ptr<FamilyLedger> ledger_;
  std::uint64_t start_ns_;
  std::map<std::uint32_t, Origin> origins_;  ///< of forked processes that are not over
  std::map<std::uint32_t, Family> families_;
};

}  // namespace leakgate::capture

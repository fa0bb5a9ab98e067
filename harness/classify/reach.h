// SPDX-License-Identifier: Apache-2.0
// Which blocks the roots reach. In: pointers in roots, pointers of blocks, rules for interior ones. Out:
// still_reachable blocks with a shortest chain back to a root, and possibly_lost ones, that only a chain with
// an interior pointer reaches.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/classify/block_index.h"
#include "harness/classify/graph.h"
#include "harness/classify/heap_scan.h"
#include "harness/classify/heuristics.h"
#include "harness/classify/root_scan.h"

namespace leakgate::classify {

/// Top bit of a parent: it is a root, and the rest its number.
inline constexpr std::uint32_t kRootParent = 0x80000000u;

/// The columns that reaching fills. Blocks not reached keep Kind::unclassified and parent kNone.
struct ReachColumns {
  std::vector<std::uint8_t> kind;
  std::vector<std::uint8_t> reach;
  std::vector<std::uint32_t> parent;
  std::vector<std::uint32_t> detail;  ///< of a root: which word of it

  explicit ReachColumns(std::size_t blocks);
};

/// Breadth first, in one thread: the order of the queue is what makes chains shortest and the result the same
/// each time.
class Reacher {
 public:
  Reacher(const BlockIndex& index, EdgeSource& edges, InteriorRules& rules, ReachColumns& columns)
      : index_(index), edges_(edges), rules_(rules), columns_(columns) {}

  /// A pointer in a root; call in the order in which roots are preferred.
  void add(const RootPointer& pointer);
  /// A root range lies in this block: it is in use.
  void add_in_use(std::uint32_t root, std::uint32_t block);
  /// A block that is in use and holds nothing. Before all others: a stale pointer to it must not lead on.
  void add_leaf(std::uint32_t root, std::uint32_t block);
  /// Follows everything added; nothing may be added after it.
  void follow();

 private:
  struct From {
    std::uint32_t parent;
    std::uint32_t detail;
  };
  void touch(std::uint32_t target, std::uint32_t offset, From from);
  void settle(std::uint32_t block, bool definite, Reach reach, From from);
  void settle_enclosing(std::uint32_t block, bool definite);
  void follow_definite();
  void follow_possible();
  void prefetch(const std::vector<std::uint32_t>& queue, std::size_t at) const;

  const BlockIndex& index_;
  EdgeSource& edges_;
  InteriorRules& rules_;
  ReachColumns& columns_;
  std::vector<std::uint32_t> definite_;  // queue of still_reachable blocks
  std::vector<std::uint32_t>
      possible_;  // queue of possibly_lost ones; some become reachable before their turn
};

}  // namespace leakgate::classify

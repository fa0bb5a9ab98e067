// SPDX-License-Identifier: Apache-2.0
// Two queues: first everything that a chain of start pointers reaches, then what is left over for interior
// ones.
#include "harness/classify/reach.h"

#include <algorithm>

namespace leakgate::classify {
namespace {

constexpr std::uint8_t code(model::Kind kind) {
  return static_cast<std::uint8_t>(kind);
}
constexpr std::uint8_t kReachable = code(model::Kind::still_reachable);
constexpr std::uint8_t kPossible = code(model::Kind::possibly_lost);
constexpr std::uint8_t kUnreached = code(model::Kind::unclassified);
// How far ahead of the queue's head memory is asked for: first where the pointers are, then the pointers,
// then what is known of the blocks that they point at.
constexpr std::size_t kAheadWhere = 24;
constexpr std::size_t kAheadWords = 14;
constexpr std::size_t kAheadTargets = 6;
constexpr int kTargets = 4;  // of a block, at most

}  // namespace

ReachColumns::ReachColumns(std::size_t blocks)
    : kind(blocks, kUnreached),
      reach(blocks, static_cast<std::uint8_t>(Reach::none)),
      parent(blocks, model::kNone),
      detail(blocks, 0) {}

void Reacher::add(const RootPointer& pointer) {
  const auto offset = static_cast<std::uint32_t>(std::min<std::uint64_t>(pointer.pointer.offset, kFarOffset));
  const auto word = static_cast<std::uint32_t>(std::min<std::uint64_t>(pointer.word, model::kNone));
  touch(pointer.pointer.target, offset, {kRootParent | pointer.root, word});
}

void Reacher::add_in_use(std::uint32_t root, std::uint32_t block) {
  if (columns_.kind[block] != kReachable) settle(block, true, Reach::in_use, {kRootParent | root, 0});
}

void Reacher::add_leaf(std::uint32_t root, std::uint32_t block) {
  columns_.kind[block] = kReachable;
  columns_.reach[block] = static_cast<std::uint8_t>(Reach::in_use);
  columns_.parent[block] = kRootParent | root;
  columns_.detail[block] = 0;
}

void Reacher::follow() {
  follow_definite();
  follow_possible();
}

void Reacher::touch(std::uint32_t target, std::uint32_t offset, From from) {
  const std::uint8_t kind = columns_.kind[target];
  if (kind == kReachable) return;
  const std::uint32_t holder = from.parent & kRootParent ? InteriorRules::kNoHolder : from.parent;
  const Reach reach = rules_.judge(target, offset, holder);
  if (reach == Reach::none) return;
  const bool definite = rules_.definite(reach);
  if (definite || kind == kUnreached) settle(target, definite, reach, from);
}

void Reacher::settle(std::uint32_t block, bool definite, Reach reach, From from) {
  columns_.kind[block] = definite ? kReachable : kPossible;
  columns_.reach[block] = static_cast<std::uint8_t>(reach);
  columns_.parent[block] = from.parent;
  columns_.detail[block] = from.detail;
  (definite ? definite_ : possible_).push_back(block);
  if (index_.overlaps()) settle_enclosing(block, definite);
}

/// The arena around a block in use is in use: a pool whose blocks are known one by one is not lost while one
/// of them is held.
void Reacher::settle_enclosing(std::uint32_t block, bool definite) {
  std::uint32_t inner = block;
  for (std::uint32_t outer = index_.enclosing(inner); outer != BlockIndex::kNotFound;
       inner = outer, outer = index_.enclosing(inner)) {
    const std::uint8_t kind = columns_.kind[outer];
    if (kind == kReachable || (!definite && kind == kPossible)) return;  // so are those around it
    columns_.kind[outer] = definite ? kReachable : kPossible;
    columns_.reach[outer] = static_cast<std::uint8_t>(Reach::in_use);
    columns_.parent[outer] = inner;
    columns_.detail[outer] = 0;
    (definite ? definite_ : possible_).push_back(outer);
  }
}

void Reacher::prefetch(const std::vector<std::uint32_t>& queue, std::size_t at) const {
  if (at + kAheadWhere < queue.size()) edges_.store().prefetch_where(queue[at + kAheadWhere]);
  if (at + kAheadWords < queue.size()) edges_.store().prefetch_words(queue[at + kAheadWords]);
  if (at + kAheadTargets >= queue.size()) return;
  EdgeCursor cursor(edges_.store().words(queue[at + kAheadTargets]));
  Edge edge;
  for (int i = 0; i < kTargets && cursor.next(edge); ++i) {
    __builtin_prefetch(&columns_.kind[edge.target]);
    __builtin_prefetch(&columns_.parent[edge.target], 1);
  }
}

void Reacher::follow_definite() {
  EdgeList scratch;
  for (std::size_t at = 0; at < definite_.size(); ++at) {
    prefetch(definite_, at);
    const std::uint32_t block = definite_[at];
    EdgeCursor cursor(edges_.words(block, scratch));
    for (Edge edge; cursor.next(edge);)
      touch(edge.target, edge.offset, {block, 0});
  }
  std::vector<std::uint32_t>().swap(definite_);
}

void Reacher::follow_possible() {
  EdgeList scratch;
  for (std::size_t at = 0; at < possible_.size(); ++at) {
    prefetch(possible_, at);
    const std::uint32_t block = possible_[at];
    if (columns_.kind[block] != kPossible) continue;
    EdgeCursor cursor(edges_.words(block, scratch));
    for (Edge edge; cursor.next(edge);) {
      if (columns_.kind[edge.target] != kUnreached) continue;
      const Reach reach = rules_.judge(edge.target, edge.offset, block);
      if (reach != Reach::none) settle(edge.target, false, reach, {block, 0});
    }
  }
  std::vector<std::uint32_t>().swap(possible_);
}

}  // namespace leakgate::classify

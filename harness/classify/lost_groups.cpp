// SPDX-License-Identifier: Apache-2.0
// Strongly connected groups by Tarjan's algorithm, with a stack of its own since lists of millions of blocks
// are as deep; then from each leader, in the order of addresses, a walk over what it holds.
#include "harness/classify/lost_groups.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace leakgate::classify {
namespace {

constexpr std::uint8_t code(model::Kind kind) {
  return static_cast<std::uint8_t>(kind);
}
constexpr std::uint8_t kLost = code(model::Kind::unclassified);
constexpr std::uint8_t kDefinite = code(model::Kind::definitely_lost);
constexpr std::uint8_t kIndirect = code(model::Kind::indirectly_lost);
constexpr std::uint32_t kNew = 0;                // order of a lost block not yet visited
constexpr std::uint32_t kNotLost = 0xfffffffeu;  // order of a block that does not take part
constexpr std::uint32_t kGrouped = 0xffffffffu;  // order of a block whose group is complete
constexpr int kPrefetched = 8;                   // pointers of a block, at most

/// Groups are named by their lowest block. The leader of one, of which the rest hangs, is the block at whose
/// start none of them points, as that of a std::map: its nodes point at the head inside of it. Else the
/// largest one, and of equal ones the lowest. Addresses alone would say something else in another build, or
/// over the other backend.
class Groups {
 public:
  Groups(const BlockIndex& index, EdgeSource& edges, const InteriorRules& rules, const ReachColumns& columns)
      : index_(index),
        edges_(edges),
        rules_(rules),
        columns_(columns),
        order_(index.size(), kNotLost),
        low_(index.size(), 0),
        has_holder_(index.size(), false),
        is_cycle_(index.size(), false),
        held_at_start_(index.size(), false) {}

  void find() {
    for (std::uint32_t block = 0; block < index_.size(); ++block) {
      if (columns_.kind[block] == kLost) order_[block] = kNew;
    }
    for (std::uint32_t block = 0; block < index_.size(); ++block) {
      if (order_[block] != kNew) continue;
      enter(block);
      while (!path_.empty())
        step();
    }
  }

  std::uint32_t group(std::uint32_t block) const { return low_[block]; }
  bool has_holder(std::uint32_t group) const { return has_holder_[group]; }
  bool is_cycle(std::uint32_t group) const { return is_cycle_[group]; }
  std::uint32_t leader(std::uint32_t group) const {
    const auto leader = leaders_.find(group);
    return leader == leaders_.end() ? group : leader->second;
  }

 private:
  static constexpr std::uint32_t kBefore =
      0xfffffffeu;  // position before the first pointer and the block around

  /// A block on the path, and where in its pointers the walk stands.
  struct Frame {
    std::uint32_t block;
    std::uint32_t position;
  };

  void enter(std::uint32_t block) {
    order_[block] = low_[block] = ++last_order_;
    open_.push_back(block);
    path_.push_back({block, kBefore});
  }

  const std::uint32_t* words(std::uint32_t block) {
    if (!edges_.read_again(block)) return edges_.store().words(block);
    EdgeList& list = again_[block];
    return list.empty() ? edges_.words(block, list) : list.finished().data();
  }

  void step() {
    const std::size_t top = path_.size() - 1;
    const std::uint32_t block = path_[top].block;
    if (path_[top].position == kBefore) {
      path_[top].position = 0;
      // The block around a nested one counts as held by it (see Reacher).
      const std::uint32_t outer = index_.enclosing(block);
      if (outer != BlockIndex::kNotFound && visit(block, outer)) return;
      prefetch_targets(words(block));
    }
    EdgeCursor cursor(words(block));
    cursor.resume(path_[top].position);
    for (Edge edge; cursor.next(edge);) {
      if (order_[edge.target] == kNotLost || !rules_.points_at(edge.target, edge.offset)) continue;
      if (edge.target == block)
        is_cycle_[block] = true;  // counts if it stays a group of one
      else if (edge.offset == 0)
        held_at_start_[edge.target] = true;
      if (visit(block, edge.target)) {
        path_[top].position = cursor.position();
        return;
      }
    }
    leave(block);
  }

  /// Takes note of a pointer; true if it led to a new block, which is now on top of the path.
  bool visit(std::uint32_t block, std::uint32_t target) {
    if (order_[target] == kNew) {
      enter(target);
      return true;
    }
    if (order_[target] == kNotLost) return false;
    if (order_[target] == kGrouped) {
      has_holder_[low_[target]] = true;
    } else {
      low_[block] = std::min(low_[block], order_[target]);
    }
    return false;
  }

  /// The walk follows the first pointer at once, and comes back for the others after a while.
  void prefetch_targets(const std::uint32_t* words) const {
    EdgeCursor cursor(words);
    Edge edge;
    for (int i = 0; i < kPrefetched && cursor.next(edge); ++i) {
      __builtin_prefetch(&order_[edge.target]);
      edges_.store().prefetch_where(edge.target);
    }
  }

  void leave(std::uint32_t block) {
    path_.pop_back();
    if (!again_.empty()) again_.erase(block);
    const bool complete = low_[block] == order_[block];
    const std::uint32_t block_low = low_[block];
    if (complete) close_group(block);
    if (path_.empty()) return;
    const std::uint32_t parent = path_.back().block;
    if (complete) {
      has_holder_[low_[block]] = true;
    } else {
      low_[parent] = std::min(low_[parent], block_low);
    }
  }

  void close_group(std::uint32_t first) {
    std::size_t begin = open_.size();
    while (open_[--begin] != first) {
    }
    const auto members = open_.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::uint32_t lowest = *std::min_element(members, open_.end());
    for (auto member = members; member != open_.end(); ++member) {
      order_[*member] = kGrouped;
      low_[*member] = lowest;
    }
    if (open_.size() - begin > 1) {
      is_cycle_[lowest] = true;
      const auto leads = [this](std::uint32_t a, std::uint32_t b) {
        if (held_at_start_[a] != held_at_start_[b]) return static_cast<bool>(held_at_start_[b]);
        const std::uint64_t bytes = index_.end(a) - index_.address(a),
                            others = index_.end(b) - index_.address(b);
        return bytes != others ? bytes > others : a < b;
      };
      const std::uint32_t leader = *std::min_element(members, open_.end(), leads);
      if (leader != lowest) leaders_.emplace(lowest, leader);
    }
    open_.resize(begin);
  }

  const BlockIndex& index_;
  EdgeSource& edges_;
  const InteriorRules& rules_;
  const ReachColumns& columns_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> low_;                            // once grouped: the group
  std::vector<bool> has_holder_;                              // by group
  std::vector<bool> is_cycle_;                                // by group
  std::vector<bool> held_at_start_;                           // by another lost block
  std::unordered_map<std::uint32_t, std::uint32_t> leaders_;  // by group, where it is not the lowest
  std::vector<std::uint32_t> open_;
  std::vector<Frame> path_;
  std::unordered_map<std::uint32_t, EdgeList> again_;  // pointers on the path that the store had no room for
  std::uint32_t last_order_ = 0;
};

/// Walks from one leader over what hangs on it and on no leader before.
void walk_leader(std::uint32_t leader, const BlockIndex& index, EdgeSource& edges, const InteriorRules& rules,
                 ReachColumns& columns, std::vector<std::uint32_t>& queue) {
  EdgeList scratch;
  queue.assign(1, leader);
  const auto take = [&](std::uint32_t holder, std::uint32_t target) {
    if (columns.kind[target] != kIndirect || columns.parent[target] != model::kNone) return;
    columns.parent[target] = holder;
    columns.detail[target] = leader;
    queue.push_back(target);
  };
  for (std::size_t at = 0; at < queue.size(); ++at) {
    const std::uint32_t holder = queue[at];
    EdgeCursor cursor(edges.words(holder, scratch));
    for (Edge edge; cursor.next(edge);) {
      if (rules.points_at(edge.target, edge.offset)) take(holder, edge.target);
    }
    const std::uint32_t outer = index.enclosing(holder);
    if (outer != BlockIndex::kNotFound) take(holder, outer);
  }
}

/// Kinds and cycle numbers, both in the order of addresses. Returns the number of cycles.
std::size_t name_groups(const Groups& groups, ReachColumns& columns, std::vector<std::uint32_t>& cycle) {
  std::uint32_t cycles = 0;
  const auto blocks = static_cast<std::uint32_t>(columns.kind.size());
  for (std::uint32_t block = 0; block < blocks; ++block) {
    if (columns.kind[block] != kLost) continue;
    const std::uint32_t group = groups.group(block);
    columns.kind[block] = !groups.has_holder(group) && block == groups.leader(group) ? kDefinite : kIndirect;
    if (!groups.is_cycle(group)) continue;
    if (cycle.empty()) cycle.assign(blocks, model::kNone);
    cycle[block] = block == group ? cycles++ : cycle[group];  // the group's lowest block comes first
  }
  return cycles;
}

}  // namespace

std::size_t group_lost(const BlockIndex& index, EdgeSource& edges, const InteriorRules& rules,
                       ReachColumns& columns, std::vector<std::uint32_t>& cycle) {
  if (std::find(columns.kind.begin(), columns.kind.end(), kLost) == columns.kind.end()) return 0;
  std::size_t cycles = 0;
  {
    Groups groups(index, edges, rules, columns);
    groups.find();
    cycles = name_groups(groups, columns, cycle);
  }
  std::vector<std::uint32_t> queue;
  const auto blocks = static_cast<std::uint32_t>(index.size());
  for (std::uint32_t block = 0; block < blocks; ++block) {
    if (columns.kind[block] == kDefinite) walk_leader(block, index, edges, rules, columns, queue);
  }
  return cycles;
}

}  // namespace leakgate::classify

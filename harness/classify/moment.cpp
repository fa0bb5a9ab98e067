// SPDX-License-Identifier: Apache-2.0
// Roots, graph, groups. Each group is described by its first block by address: its type, and who
// holds it. (By age would be nicer, but times are coarse, and two runs should tell the same.)
#include "harness/classify/moment.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>

#include "harness/classify/chain.h"
#include "harness/classify/graph.h"
#include "harness/classify/roots.h"
#include "harness/classify/vtables.h"

namespace leakgate::classify {
namespace {

using model::HeldBlock;
using model::HeldProcess;
using model::Kind;
using model::TraceHolder;
using model::TraceOutstanding;

constexpr std::size_t kMaxChainSteps = 8;

/// One group under way.
struct Group {
  TraceOutstanding sum;
  std::uint32_t first = model::kNone;  ///< the first block's place in the graph
};

class GroupMaker {
 public:
  GroupMaker(const HeldProcess& held, const Roots& roots, const ClassifiedBlocks& blocks,
             const Vtables& vtables, const GraphOptions& options)
      : held_(held), roots_(roots), blocks_(blocks), vtables_(vtables), options_(options) {}

  std::vector<TraceOutstanding> make() {
    for (std::uint32_t i = 0; i < blocks_.size(); ++i)
      add(i);
    find_members();
    std::vector<TraceOutstanding> groups;
    for (auto& [key, group] : groups_) {
      describe(group);
      groups.push_back(std::move(group.sum));
    }
    return groups;
  }

 private:
  using Key = std::tuple<std::uint32_t, std::uint32_t, Kind, bool>;  // window, stack, kind, cycle

  const HeldBlock& block(std::uint32_t i) const { return held_.blocks[blocks_.id(i)]; }

  void add(std::uint32_t i) {
    const HeldBlock& row = block(i);
    if (row.window < held_.groups_from || row.ignored || row.inherited) return;
    const bool cycle = blocks_.cycle(i) != model::kNone;
    const std::uint64_t time_ns = held_.start_ns + std::uint64_t{row.time_ms} * 1'000'000u;
    Group& group = groups_[{row.window, row.stack, blocks_.kind(i), cycle}];
    TraceOutstanding& sum = group.sum;
    if (sum.blocks == 0) {
      sum.process = held_.process;
      sum.window = row.window;
      sum.stack = row.stack;
      sum.kind = blocks_.kind(i);
      sum.cycle = cycle;
      sum.min_block_bytes = row.size_bytes;
      sum.first_ns = time_ns;
      sum.lost_after = lost_after(i);
      group.first = i;
    }
    sum.min_block_bytes = std::min(sum.min_block_bytes, row.size_bytes);
    sum.max_block_bytes = std::max(sum.max_block_bytes, row.size_bytes);
    sum.first_ns = std::min(sum.first_ns, time_ns);
    sum.last_ns = std::max(sum.last_ns, time_ns);
    sum.births.add(time_ns);
    ++sum.blocks;
    sum.bytes += row.size_bytes;
    sum.lost_after = std::min(sum.lost_after, lost_after(i));
  }

  /// See TraceOutstanding::lost_after.
  std::uint32_t lost_after(std::uint32_t i) const {
    const HeldBlock& row = block(i);
    if (blocks_.kind(i) == Kind::still_reachable || row.window == 0 || row.window > held_.last_window_seen)
      return 0;
    if (row.lost_after == 0) return model::kLostAtEnd;
    return row.lost_after == row.window ? 0 : row.lost_after;
  }

  model::ModuleAddress type_of(std::uint32_t i) const {
    if (!blocks_.has_vtable(i)) return {};
    std::uint64_t word = 0;
    std::array<std::byte, sizeof word> bytes;
    if (held_.read(blocks_.address(i), bytes) != bytes.size()) return {};
    std::memcpy(&word, bytes.data(), sizeof word);
    return vtables_.locate(word);
  }

  TraceHolder root_holder(const Holder& holder) const {
    TraceHolder result;
    if (holder.from == Holder::From::root_words) {
      const Roots::Label& words = roots_.labels[roots_.words[holder.index].label];
      const bool nowhere = words.thread == model::kNone && words.mapping == model::kNone;
      result.what = nowhere ? TraceHolder::What::ignored : TraceHolder::What::registers;
      result.thread = thread_number(words.thread);
      return result;
    }
    const RootRange& range = roots_.ranges[holder.index];
    const Roots::Label& label = roots_.labels[range.label];
    result.thread = thread_number(label.thread);
    result.what = range.kind == RootKind::stack         ? TraceHolder::What::stack
                  : range.kind == RootKind::tls         ? TraceHolder::What::thread_local_storage
                  : range.kind == RootKind::module_data ? TraceHolder::What::global
                                                        : TraceHolder::What::mapping;
    const std::uint64_t address =
        (range.start + 7) / 8 * 8 + (holder.offset == kUnknownOffset ? 0 : holder.offset);
    if (result.what == TraceHolder::What::stack && label.thread != model::kNone &&
        held_.threads[label.thread].thread_pointer >= range.start &&
        address >= held_.threads[label.thread].thread_pointer)
      result.what = TraceHolder::What::thread_local_storage;  // above the stack, in the same mapping
    if (result.what == TraceHolder::What::global) result.at = vtables_.locate(address);
    if (result.what == TraceHolder::What::stack && label.thread != model::kNone && held_.frame_of &&
        holder.offset != kUnknownOffset)
      result.frame = held_.frame_of(label.thread, address);
    return result;
  }

  static std::uint32_t thread_number(std::uint32_t thread) { return thread == model::kNone ? 0 : thread + 1; }

  TraceHolder block_holder(const Holder& holder) const {
    TraceHolder result;
    result.what = TraceHolder::What::block;
    result.offset = holder.offset;
    result.stack = block(holder.index).stack;
    result.type = type_of(holder.index);
    return result;
  }

  /// A cycle that nothing else holds: told by its members.
  static bool is_told_by_members(const Group& group) {
    return group.sum.kind == Kind::definitely_lost && group.sum.cycle;
  }

  /// The first members, by address, of the cycles that groups are described by.
  void find_members() {
    for (const auto& [key, group] : groups_)
      if (is_told_by_members(group)) members_[blocks_.cycle(group.first)];
    if (members_.empty()) return;
    for (std::uint32_t i = 0; i < blocks_.size(); ++i) {
      if (blocks_.cycle(i) == model::kNone) continue;
      const auto found = members_.find(blocks_.cycle(i));
      if (found == members_.end()) continue;
      if (found->second.first.size() < kMaxChainSteps)
        found->second.first.push_back(i);
      else
        ++found->second.second;
    }
  }

  /// The members after the group's own first block; how many more there are stands at the last one.
  void describe_cycle(Group& group) {
    const auto& [members, more] = members_.at(blocks_.cycle(group.first));
    for (const std::uint32_t member : members)
      if (member != group.first)
        group.sum.holders.push_back(block_holder({Holder::From::block, member, kUnknownOffset}));
    if (more != 0 && !group.sum.holders.empty())
      group.sum.holders.back().left_out = static_cast<std::uint32_t>(more);
  }

  void describe(Group& group) {
    group.sum.type = type_of(group.first);
    if (is_told_by_members(group)) return describe_cycle(group);
    if (group.sum.kind == Kind::definitely_lost) return;
    const Chain chain = chain_of(blocks_, group.first, held_.read, options_, kMaxChainSteps);
    for (const Holder& step : chain.steps) {
      if (step.from == Holder::From::none) continue;
      group.sum.holders.push_back(step.from == Holder::From::block ? block_holder(step) : root_holder(step));
    }
    if (chain.left_out != 0 && !group.sum.holders.empty())
      group.sum.holders.front().left_out = static_cast<std::uint32_t>(chain.left_out);
  }

  const HeldProcess& held_;
  const Roots& roots_;
  const ClassifiedBlocks& blocks_;
  const Vtables& vtables_;
  const GraphOptions& options_;
  std::map<Key, Group> groups_;
  std::map<std::uint32_t, std::pair<std::vector<std::uint32_t>, std::size_t>> members_;  ///< by cycle
};

/// By block, asked by one thread before several search.
std::unordered_map<std::uint32_t, std::uint64_t> slack_of(const HeldProcess& held) {
  std::unordered_map<std::uint32_t, std::uint64_t> bytes;
  for (std::uint32_t i = 0; held.slack && i < held.blocks.size(); ++i)
    if (const std::uint64_t behind = held.slack(i); behind != 0) bytes.emplace(i, behind);
  return bytes;
}

}  // namespace

model::MomentFindings classify_held(const HeldProcess& held, bool with_groups,
                                    const ClassifyOptions& options) {
  const Vtables vtables(held);
  GraphOptions graph;
  graph.interior = options.interior;
  graph.pointer_mask = options.pointer_mask;
  graph.threads = options.threads;
  graph.next_touched = held.next_touched;
  graph.is_residue = held.is_residue;
  if (held.is_pool)
    graph.explains_interior = [&held](const LiveBlock& block, std::uint64_t) {
      return held.is_pool(block.id);
    };
  graph.is_vtable = [&vtables](std::uint64_t address) { return vtables.is_vtable(address); };
  const std::unordered_map<std::uint32_t, std::uint64_t> slack = slack_of(held);
  if (!slack.empty())
    graph.slack = [&slack](std::uint32_t id) {
      const auto found = slack.find(id);
      return found == slack.end() ? 0 : found->second;
    };
  const Roots roots = find_roots(held);
  std::vector<LiveBlock> live;
  live.reserve(held.blocks.size());
  for (std::uint32_t i = 0; i < held.blocks.size(); ++i)
    live.push_back({held.blocks[i].address, held.blocks[i].size_bytes, i});
  const ClassifiedBlocks blocks =
      classify_graph(std::move(live), roots.ranges, roots.words, held.read, graph);

  model::MomentFindings findings;
  findings.kinds.assign(held.blocks.size(), Kind::unclassified);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    findings.kinds[blocks.id(i)] = blocks.kind(i);
  for (std::size_t i = 0; i < held.blocks.size(); ++i) {
    if (held.blocks[i].ignored || held.blocks[i].inherited) continue;
    findings.bytes_of_kind[static_cast<std::size_t>(findings.kinds[i])] += held.blocks[i].size_bytes;
    ++findings.blocks_of_kind[static_cast<std::size_t>(findings.kinds[i])];
  }
  findings.scanned_bytes = blocks.stats().heap_bytes + blocks.stats().root_bytes;
  findings.unreadable_bytes = blocks.stats().unreadable_bytes;
  if (with_groups) findings.groups = GroupMaker(held, roots, blocks, vtables, graph).make();
  return findings;
}

}  // namespace leakgate::classify

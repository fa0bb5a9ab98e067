// SPDX-License-Identifier: Apache-2.0
// Merging the groups that share test, kind and site; see leaks.h.
#include "harness/judge/leaks.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <unordered_map>

#include "harness/base/saturated.h"
#include "harness/judge/fnv128.h"
#include "harness/judge/stack_facts.h"
#include "harness/model/ages.h"

namespace leakgate::judge {
namespace {

using model::Recording;
using model::VerdictFrame;

struct HashKey {
  std::size_t operator()(const Fnv128& key) const { return static_cast<std::size_t>(key.low()); }
};

/// Which of two stacks a leak that has both shows, whatever order they were met in: that whose ends are
/// there, then the shorter one, then by what the frames say.
bool is_shown_before(const model::LeakStack& a, const model::LeakStack& b) {
  const auto ends = [](const model::LeakStack& stack) {
    return std::make_pair(stack.truncated(), stack.size());
  };
  if (ends(a) != ends(b)) return ends(a) < ends(b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a.number(i) == b.number(i)) continue;
    const VerdictFrame x = a[i], y = b[i];
    const auto order = std::tie(x.function, x.file, x.line, x.column, x.module, x.offset) <=>
                       std::tie(y.function, y.file, y.line, y.column, y.module, y.offset);
    if (order != 0) return order < 0;
  }
  return false;
}

/// When blocks of a leak were first seen lost, as a number that grows with time: at the end of their own
/// test, of a later one, of the process.
std::uint64_t lost_at(bool at_end, std::uint32_t after) {
  if (at_end) return std::uint64_t{model::kNone} + 1;
  return after == model::kNone ? 0 : std::uint64_t{after} + 1;
}

class Collector {
 public:
  Collector(const Recording& recording, const std::shared_ptr<const model::StackTable>& stacks)
      : recording_(recording), stacks_(stacks), facts_(stacks, recording.blocks) {}

  void add(const model::BlockGroup& group) {
    if (group.test >= recording_.tests.size() || group.blocks == 0) return;
    const StackFacts& facts = facts_.of(group.stack);
    const auto [it, is_new] = by_site_.try_emplace(key_of(group, facts), result_.size());
    if (is_new) result_.push_back(start(group, facts));
    extend(it->second, group, facts, is_new);
  }

  std::vector<Candidate> take() { return std::move(result_); }

 private:
  static Fnv128 key_of(const model::BlockGroup& group, const StackFacts& facts) {
    Fnv128 key = facts.identity;
    for (const std::uint64_t number : {std::uint64_t{group.process}, std::uint64_t{group.test},
                                       static_cast<std::uint64_t>(group.kind), std::uint64_t{group.cycle}})
      key.add(number);
    key.add(group.function);
    key.add(group.type);
    key.add(group.section);
    return key;
  }

  Candidate start(const model::BlockGroup& group, const StackFacts& facts) {
    Candidate candidate;
    candidate.process = group.process;
    candidate.kept_by = facts.kept_by;
    model::Leak& leak = candidate.leak;
    leak.test = group.test;
    leak.kind = group.kind;
    leak.function = group.function;
    leak.age_min_ms = group.age_min_ms;
    leak.fingerprint = in_test(facts.fingerprint, recording_.tests[group.test].id);
    leak.type = group.type;
    leak.cycle = group.cycle;
    leak.lost_after = group.lost_after;
    leak.lost_at_end = group.lost_at_end;
    leak.section = group.section;
    leak.stack = model::LeakStack(stacks_, group.stack);
    leak.site = facts.site;
    leak.freed_by = leak.stack.freed_by();
    return candidate;
  }

  /// Another stack of the leak's.
  void add_stack(model::Leak& leak, std::uint32_t row, const StackFacts& facts) {
    leak.stack.add_history(row);
    const model::LeakStack other(stacks_, row), freed_by = other.freed_by();
    if (leak.freed_by.empty() || (!freed_by.empty() && is_shown_before(freed_by, leak.freed_by)))
      leak.freed_by = freed_by;
    if (!is_shown_before(other, leak.stack)) return;
    leak.stack.show(row);
    leak.site = facts.site;
  }

  void extend(std::size_t index, const model::BlockGroup& group, const StackFacts& facts, bool is_new) {
    model::Leak& leak = result_[index].leak;
    std::uint64_t& blocks = blocks_of_[std::uint64_t{index} << 32 | group.stack];
    if (!is_new && blocks == 0) add_stack(leak, group.stack, facts);
    if (is_new || leak.retained_by.empty() ||
        (!group.retained_by.empty() && group.retained_by < leak.retained_by))
      leak.retained_by = group.retained_by;
    if (lost_at(group.lost_at_end, group.lost_after) < lost_at(leak.lost_at_end, leak.lost_after)) {
      leak.lost_after = group.lost_after;
      leak.lost_at_end = group.lost_at_end;
    }
    Candidate& candidate = result_[index];
    candidate.thrown_after = candidate.thrown_after || group.thrown_after;
    candidate.failed_after = candidate.failed_after || group.failed_after;
    blocks = add_saturated(blocks, group.blocks);
    candidate.most_blocks_on_a_path = std::max(candidate.most_blocks_on_a_path, blocks);
    leak.bytes = add_saturated(leak.bytes, group.bytes);
    leak.blocks = add_saturated(leak.blocks, group.blocks);
    leak.age_min_ms = std::min(leak.age_min_ms, group.age_min_ms);
    leak.age_max_ms = std::max(leak.age_max_ms, group.age_max_ms);
    if (is_new)
      leak.age_log2_ms = model::ages_of(group);
    else
      model::add_ages(leak.age_log2_ms, model::ages_of(group));
  }

  const Recording& recording_;
  const std::shared_ptr<const model::StackTable>& stacks_;
  const StackFactsTable facts_;
  std::unordered_map<Fnv128, std::size_t, HashKey> by_site_;
  std::unordered_map<std::uint64_t, std::uint64_t> blocks_of_;  ///< by leak and stack
  std::vector<Candidate> result_;
};

bool comes_first(const Candidate& left, const Candidate& right) {
  const model::Leak &a = left.leak, &b = right.leak;
  if (a.test != b.test) return a.test < b.test;
  if (a.bytes != b.bytes) return a.bytes > b.bytes;
  const VerdictFrame at_a = a.site < a.stack.size() ? a.stack[a.site] : VerdictFrame();
  const VerdictFrame at_b = b.site < b.stack.size() ? b.stack[b.site] : VerdictFrame();
  return std::tie(at_a.file, at_a.line, at_a.function, a.fingerprint, a.kind, a.function, a.type, a.cycle,
                  a.section, b.blocks) < std::tie(at_b.file, at_b.line, at_b.function, b.fingerprint, b.kind,
                                                  b.function, b.type, b.cycle, b.section, a.blocks);
}

}  // namespace

CollectedLeaks collect_leaks(const Recording& recording,
                             const std::shared_ptr<const model::StackTable>& stacks) {
  CollectedLeaks result;
  Collector collector(recording, stacks);
  std::set<std::uint32_t> counted;
  for (const auto& group : recording.blocks) {
    const bool known = group.process < recording.processes.size();
    const auto role = known ? recording.processes[group.process].role : model::ProcessRole::judged;
    if (role == model::ProcessRole::judged) {
      collector.add(group);
      continue;
    }
    if (known && recording.processes[group.process].rerun != 0) continue;
    auto& unjudged = result.not_judged[role];
    unjudged.processes += counted.insert(group.process).second ? 1 : 0;
    unjudged.blocks = add_saturated(unjudged.blocks, group.blocks);
    unjudged.bytes = add_saturated(unjudged.bytes, group.bytes);
  }
  result.candidates = collector.take();
  std::stable_sort(result.candidates.begin(), result.candidates.end(), comes_first);
  return result;
}

}  // namespace leakgate::judge

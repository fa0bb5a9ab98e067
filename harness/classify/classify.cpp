// SPDX-License-Identifier: Apache-2.0
// Turns outstanding blocks into groups.
#include "harness/classify/classify.h"

#include <algorithm>

namespace leakgate::classify {

GroupedBlocks group_blocks(const model::Trace& trace, const TestOf& test_of) {
  std::vector<std::pair<model::BlockGroup, std::size_t>> rows;
  for (std::size_t origin = 0; origin < trace.outstanding.size(); ++origin) {
    const model::TraceOutstanding& blocks = trace.outstanding[origin];
    const std::uint32_t test = test_of(blocks.process, blocks.window);
    if (test == model::kNone || blocks.process >= trace.processes.size()) continue;
    const model::TraceProcess& process = trace.processes[blocks.process];
    const std::uint64_t end_ns = process.end_ns ? process.end_ns : trace.end_ns;
    const auto age_ms = [end_ns](std::uint64_t born_ns) {
      return end_ns > born_ns ? (end_ns - born_ns) / 1'000'000u : 0;
    };
    model::BlockGroup group;
    group.process = blocks.process;
    group.test = test;
    group.stack = blocks.stack;
    group.function = blocks.stack < trace.stacks.size() ? trace.stacks[blocks.stack].function : "";
    group.kind = blocks.kind;
    group.cycle = blocks.cycle;
    if (blocks.lost_after == model::kLostAtEnd)
      group.lost_at_end = true;
    else if (blocks.lost_after != 0)
      group.lost_after = test_of(blocks.process, blocks.lost_after);
    group.blocks = blocks.blocks;
    group.bytes = blocks.bytes;
    group.min_block_bytes = blocks.min_block_bytes;
    group.max_block_bytes = blocks.max_block_bytes;
    group.age_min_ms = age_ms(blocks.last_ns);
    group.age_max_ms = age_ms(blocks.first_ns);
    group.age_log2_ms = blocks.births.ages_at(end_ns);
    rows.emplace_back(std::move(group), origin);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first.test < b.first.test; });
  GroupedBlocks result;
  for (auto& [group, origin] : rows) {
    result.groups.push_back(std::move(group));
    result.origins.push_back(origin);
  }
  return result;
}

}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// Turns outstanding blocks into groups. The one place that decides what a block's kind is.
#include "harness/classify/classify.h"

#include <algorithm>

namespace leakgate::classify {

std::vector<model::BlockGroup> classify_blocks(const model::Trace& trace, const TestOf& test_of) {
  std::vector<model::BlockGroup> groups;
  for (const model::TraceOutstanding& blocks : trace.outstanding) {
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
    group.kind = model::Kind::unclassified;
    group.blocks = blocks.blocks;
    group.bytes = blocks.bytes;
    group.min_block_bytes = blocks.min_block_bytes;
    group.max_block_bytes = blocks.max_block_bytes;
    group.age_min_ms = age_ms(blocks.last_ns);
    group.age_max_ms = age_ms(blocks.first_ns);
    groups.push_back(std::move(group));
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const model::BlockGroup& a, const model::BlockGroup& b) { return a.test < b.test; });
  return groups;
}

}  // namespace leakgate::classify

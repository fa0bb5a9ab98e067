// SPDX-License-Identifier: Apache-2.0
// Groups blocks by test, then names their stacks.
#include "harness/pipeline/part_recording.h"

#include <utility>

#include "harness/classify/classify.h"

namespace leakgate::pipeline {
namespace {

/// What was thrown or failed in a test after the last allocation by a path happened while its blocks were
/// held. Errors are numbered, so that this holds however short the test was.
void note_errors(const model::Trace& trace, const attribute::Attribution& attribution,
                 model::Recording& recording, const std::vector<std::size_t>& origins) {
  std::vector<const model::TraceWindow*> window_of(recording.tests.size());
  for (const model::TraceWindow& window : trace.windows) {
    const auto test = attribution.test_of.find({window.process, window.number});
    if (test != attribution.test_of.end() && test->second < window_of.size())
      window_of[test->second] = &window;
  }
  for (std::size_t i = 0; i < recording.blocks.size(); ++i) {
    model::BlockGroup& group = recording.blocks[i];
    const std::uint32_t stack = trace.outstanding[origins[i]].stack;
    if (group.test >= window_of.size() || window_of[group.test] == nullptr || stack >= trace.stacks.size())
      continue;
    group.thrown_after = window_of[group.test]->last_throw > trace.stacks[stack].errors_before;
    group.failed_after = window_of[group.test]->last_failure > trace.stacks[stack].errors_before;
  }
}

}  // namespace

void take_tests_and_blocks(const model::Trace& trace, attribute::Attribution attribution,
                           StackResolver& resolver, model::Recording& recording) {
  recording.processes = std::move(attribution.processes);
  recording.tests = std::move(attribution.tests);

  // classify: kinds were decided while processes were held; here blocks get their tests
  classify::GroupedBlocks grouped =
      classify::group_blocks(trace, [&](std::uint32_t process, std::uint32_t window) {
        const auto found = attribution.test_of.find({process, window});
        return found == attribution.test_of.end() ? model::kNone : found->second;
      });
  recording.blocks = std::move(grouped.groups);
  for (std::size_t i = 0; i < recording.blocks.size(); ++i) {
    const model::TraceOutstanding& row = trace.outstanding[grouped.origins[i]];
    const auto section = attribution.section_of.find({row.process, row.window});
    if (section != attribution.section_of.end()) recording.blocks[i].section = section->second;
  }

  note_errors(trace, attribution, recording, grouped.origins);

  // symbolize: where were they allocated, what are they, who holds them
  resolver.resolve(trace, grouped.origins, recording);
}

}  // namespace leakgate::pipeline

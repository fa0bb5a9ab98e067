// SPDX-License-Identifier: Apache-2.0
// Groups blocks by test, then names their stacks.
#include "harness/pipeline/part_recording.h"

#include <utility>

#include "harness/classify/classify.h"

namespace leakgate::pipeline {

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

  // symbolize: where were they allocated, what are they, who holds them
  resolver.resolve(trace, grouped.origins, recording);
}

}  // namespace leakgate::pipeline

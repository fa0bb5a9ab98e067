// SPDX-License-Identifier: Apache-2.0
// Stacks are put in order by their innermost frames when a number of frames is asked for first.
#include "harness/pipeline/free_hints.h"

namespace leakgate::pipeline {

std::uint32_t FreeHints::find(std::uint32_t stack, std::size_t frames) {
  const model::TraceStack& own = trace_.stacks[stack];
  if (own.freed_by != model::kNone || frames == 0 || own.frames.size() < frames) return own.freed_by;
  const auto innermost = [frames](const model::TraceStack& row) {
    return Frames(row.frames.begin(), row.frames.begin() + static_cast<std::ptrdiff_t>(frames));
  };
  const auto [sites, is_new] = by_site_.try_emplace(frames);
  if (is_new)
    for (const model::TraceStack& row : trace_.stacks)
      if (row.freed_by != model::kNone && row.frames.size() >= frames)
        sites->second.try_emplace(innermost(row), row.freed_by);
  const auto found = sites->second.find(innermost(own));
  return found == sites->second.end() ? model::kNone : found->second;
}

}  // namespace leakgate::pipeline

// SPDX-License-Identifier: Apache-2.0
// Stacks are put in order by their innermost frames when a number of frames is asked for first.
#include "harness/pipeline/free_hints.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace leakgate::pipeline {

bool FreeHints::tells_more(std::uint32_t a, std::uint32_t b) const {
  const model::TraceStack &x = trace_.stacks[a], &y = trace_.stacks[b];
  if (x.frees != y.frees) return x.frees > y.frees;
  // which of them is known first is a matter of threads and of the backend
  const auto place = [this](const model::TraceFrame& frame) {
    const bool has_module = frame.module < trace_.modules.size();
    return std::pair(has_module ? std::string_view(trace_.modules[frame.module].path) : std::string_view(),
                     frame.address);
  };
  return std::ranges::lexicographical_compare(trace_.stacks[x.freed_by].frames,
                                              trace_.stacks[y.freed_by].frames, {}, place, place);
}

std::uint32_t FreeHints::find(std::uint32_t stack, std::size_t frames) {
  const model::TraceStack& own = trace_.stacks[stack];
  if (own.freed_by != model::kNone || frames == 0 || own.frames.size() < frames) return own.freed_by;
  const auto innermost = [frames](const model::TraceStack& row) {
    return Frames(row.frames.begin(), row.frames.begin() + static_cast<std::ptrdiff_t>(frames));
  };
  const auto [sites, is_new] = by_site_.try_emplace(frames);
  if (is_new)
    for (std::uint32_t i = 0; i < trace_.stacks.size(); ++i) {
      const model::TraceStack& row = trace_.stacks[i];
      if (row.freed_by >= trace_.stacks.size() || row.frames.size() < frames) continue;
      const auto [best, is_first] = sites->second.try_emplace(innermost(row), i);
      if (!is_first && tells_more(i, best->second)) best->second = i;
    }
  const auto found = sites->second.find(innermost(own));
  return found == sites->second.end() ? model::kNone : trace_.stacks[found->second].freed_by;
}

}  // namespace leakgate::pipeline

// SPDX-License-Identifier: Apache-2.0
// Stacks are told apart by their innermost frames when a number of frames is asked for first.
#include "harness/pipeline/free_hints.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "harness/base/hash64.h"

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

std::size_t FreeHints::SamePrefix::operator()(std::uint32_t stack) const {
  Hash64 hash;
  for (std::size_t i = 0; i < frames; ++i) {
    const model::TraceFrame& frame = trace.stacks[stack].frames[i];
    hash.add_word(frame.address ^ std::uint64_t{frame.module} << 48);
  }
  return hash.value();
}

bool FreeHints::SamePrefix::operator()(std::uint32_t a, std::uint32_t b) const {
  const auto &x = trace.stacks[a].frames, &y = trace.stacks[b].frames;
  return std::equal(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(frames), y.begin());
}

const FreeHints::BestOfSite& FreeHints::with(std::size_t frames) {
  const SamePrefix same{trace_, frames};
  const auto [sites, is_new] = by_site_.try_emplace(frames, 0, same, same);
  if (is_new)
    for (std::uint32_t i = 0; i < trace_.stacks.size(); ++i) {
      const model::TraceStack& row = trace_.stacks[i];
      if (row.freed_by >= trace_.stacks.size() || row.frames.size() < frames) continue;
      const auto [best, is_first] = sites->second.try_emplace(i, i);
      if (!is_first && tells_more(i, best->second)) best->second = i;
    }
  return sites->second;
}

std::uint32_t FreeHints::find(std::uint32_t stack, std::size_t frames) {
  const model::TraceStack& own = trace_.stacks[stack];
  if (own.freed_by != model::kNone || frames == 0 || own.frames.size() < frames) return own.freed_by;
  const BestOfSite& sites = with(frames);
  const auto found = sites.find(stack);
  return found == sites.end() ? model::kNone : trace_.stacks[found->second].freed_by;
}

}  // namespace leakgate::pipeline

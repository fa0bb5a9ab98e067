// SPDX-License-Identifier: Apache-2.0
// Where the missing free belongs: blocks of the same site that came by another path and were freed. In: the
// trace's stacks. Out: for a stack without frees of its own, the stack of such a free.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>

#include "harness/model/trace.h"

namespace leakgate::pipeline {

class FreeHints {
 public:
  explicit FreeHints(const model::Trace& trace) : trace_(trace) {}

  /// The stack by which the first block of `stack` was freed; else that of the stack that freed most among
  /// those whose innermost `frames` frames are the same; kNone where there is none.
  std::uint32_t find(std::uint32_t stack, std::size_t frames);

 private:
  /// Of stacks that have as many frames: whether the innermost ones are the same, and their hash.
  struct SamePrefix {
    const model::Trace& trace;
    std::size_t frames;
    std::size_t operator()(std::uint32_t stack) const;
    bool operator()(std::uint32_t a, std::uint32_t b) const;
  };
  /// Any stack of a site, and the one that is its best hint.
  using BestOfSite = std::unordered_map<std::uint32_t, std::uint32_t, SamePrefix, SamePrefix>;

  const BestOfSite& with(std::size_t frames);
  /// Of two stacks of a site that have freed: whether the first one is the better hint.
  [[nodiscard]] bool tells_more(std::uint32_t a, std::uint32_t b) const;

  const model::Trace& trace_;
  std::map<std::size_t, BestOfSite> by_site_;  ///< by number of frames
};

}  // namespace leakgate::pipeline

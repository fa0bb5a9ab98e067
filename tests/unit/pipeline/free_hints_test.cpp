// SPDX-License-Identifier: Apache-2.0
// Whose free is shown where a stack has none.
#include "harness/pipeline/free_hints.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace leakgate::pipeline {
namespace {

using model::kNone;

/// Stacks with two frames at one site, the outer one of which tells them apart.
struct OneSite : model::Trace {
  OneSite() { modules.resize(2), modules[0].path = "/b", modules[1].path = "/a"; }

  std::uint32_t free_stack(std::uint32_t module, std::uint64_t address) {
    return add({{module, address, false}}, kNone, 0);
  }
  std::uint32_t path(std::uint64_t caller, std::uint32_t freed_by, std::uint64_t frees) {
    return add({{0, 0x10, false}, {0, caller, false}}, freed_by, frees);
  }

 private:
  std::uint32_t add(std::vector<model::TraceFrame> frames, std::uint32_t freed_by, std::uint64_t frees) {
    model::TraceStack row;
    row.frames = std::move(frames);
    row.freed_by = freed_by;
    row.frees = frees;
    stacks.push_back(std::move(row));
    return static_cast<std::uint32_t>(stacks.size() - 1);
  }
};

TEST(FreeHints, AStackThatHasFreedNeedsNoOther) {
  OneSite trace;
  const auto own = trace.free_stack(0, 0x100), other = trace.free_stack(0, 0x200);
  const auto leaking = trace.path(1, own, 1);
  trace.path(2, other, 50);
  EXPECT_EQ(FreeHints(trace).find(leaking, 1), own);
}

TEST(FreeHints, ThePathThatFreedMostIsShown) {
  OneSite trace;
  const auto seldom = trace.free_stack(0, 0x100), often = trace.free_stack(0, 0x200);
  const auto leaking = trace.path(1, kNone, 0);
  trace.path(2, seldom, 3);
  trace.path(3, often, 4);
  trace.path(4, seldom, 3);
  EXPECT_EQ(FreeHints(trace).find(leaking, 1), often);
  EXPECT_EQ(FreeHints(trace).find(leaking, 2), kNone) << "no other one has both frames";
  EXPECT_EQ(FreeHints(trace).find(leaking, 3), kNone);
  EXPECT_EQ(FreeHints(trace).find(leaking, 0), kNone);
}

TEST(FreeHints, OfEqualPathsWhichComesFirstIsNoMatterOfTheirOrder) {
  for (const bool reversed : {false, true}) {
    OneSite trace;
    const auto in_b = trace.free_stack(0, 0x100), in_a = trace.free_stack(1, 0x200);
    const auto leaking = trace.path(1, kNone, 0);
    trace.path(2, reversed ? in_a : in_b, 4);
    trace.path(3, reversed ? in_b : in_a, 4);
    EXPECT_EQ(FreeHints(trace).find(leaking, 1), in_a) << "by the module's name, not by its number";
  }
}

}  // namespace
}  // namespace leakgate::pipeline

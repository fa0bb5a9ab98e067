// SPDX-License-Identifier: Apache-2.0
// Groups of a recording from rows of a trace.
#include "harness/classify/classify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leakgate::classify {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kMs = 1'000'000;

/// Two blocks of one process image, 40 ms and 3 ms before 100 ms.
model::Trace two_blocks(std::uint64_t process_end_ns) {
  model::Trace trace;
  trace.end_ns = 100 * kMs;
  trace.processes.emplace_back().end_ns = process_end_ns;
  model::TraceOutstanding& row = trace.outstanding.emplace_back();
  row.process = 0;
  row.blocks = 2;
  row.first_ns = 60 * kMs;
  row.last_ns = 97 * kMs;
  row.births.add(row.last_ns);
  row.births.add(row.first_ns);
  return trace;
}

model::BlockGroup grouped(const model::Trace& trace) {
  return group_blocks(trace, [](auto, auto) { return 0u; }).groups.at(0);
}

TEST(GroupBlocks, AgesAreThoseAtTheEndOfTheProcess) {
  const model::BlockGroup group = grouped(two_blocks(110 * kMs));
  EXPECT_EQ(group.age_min_ms, 13u);
  EXPECT_EQ(group.age_max_ms, 50u);
  EXPECT_THAT(group.age_log2_ms, ElementsAre(0, 0, 0, 0, 1, 0, 1));
}

TEST(GroupBlocks, OfAProcessThatStillRunsAgesAreThoseAtTheEndOfTheTrace) {
  const model::BlockGroup group = grouped(two_blocks(0));
  EXPECT_EQ(group.age_min_ms, 3u);
  EXPECT_EQ(group.age_max_ms, 40u);
  EXPECT_THAT(group.age_log2_ms, ElementsAre(0, 0, 1, 0, 0, 0, 1));
}

TEST(GroupBlocks, WhatIsInNoTestIsLeftOut) {
  EXPECT_TRUE(group_blocks(two_blocks(0), [](auto, auto) { return model::kNone; }).groups.empty());
}

}  // namespace
}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// Several shards as one recording.
#include "harness/judge/merge.h"

#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using test::RecordingBuilder;

RecordingBuilder shard(const std::string& test_id, const std::string& function, std::uint64_t bytes) {
  RecordingBuilder builder;
  const auto process = builder.process();
  builder.leak(builder.test(process, test_id),
               builder.stack({{function, "/home/dev/app/a.cpp", 3, "/lib/" + function + ".so"}}), bytes);
  return builder;
}

TEST(Merge, RowsOfEachShardKeepWhatTheyReferTo) {
  auto merged = merge(
      {shard("A.a", "fa", 10).recording, shard("B.b", "fb", 20).recording, shard("C.c", "fc", 30).recording});
  ASSERT_TRUE(merged);
  const auto verdict = judge(*merged, {});
  ASSERT_EQ(verdict.leaks.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& leak = verdict.leaks[i];
    EXPECT_EQ(leak.bytes, 10 * (i + 1));
    EXPECT_EQ(verdict.tests[leak.test].test.id, std::vector<std::string>({"A.a", "B.b", "C.c"})[i]);
    EXPECT_EQ(leak.stack.at(0).function, std::vector<std::string>({"fa", "fb", "fc"})[i]);
    EXPECT_EQ(leak.stack.at(0).module, "/lib/" + leak.stack[0].function + ".so");
  }
}

TEST(Merge, CountersAddUpAndTheWorstExitWins) {
  auto a = shard("A.a", "f", 1).recording, b = shard("B.b", "g", 1).recording;
  a.run.exit = {3, {}};
  b.run.exit = {{}, 6};
  b.run.started = "2025-01-01T00:00:00Z";
  b.run.wall_ms = 9;
  a.tracer.lost["map_full"] = 2;
  b.tracer.lost["map_full"] = 5;
  b.tracer.lost["other"] = 1;
  a.tracer.truncated_stacks["no_cfi"] = 1;
  b.tracer.truncated_stacks["no_cfi"] = 2;
  const auto allocations = a.tracer.allocations + b.tracer.allocations;
  const auto merged = merge({a, b});
  ASSERT_TRUE(merged);
  EXPECT_EQ(merged->run.exit.signal, 6);
  EXPECT_FALSE(merged->run.exit.code);
  EXPECT_EQ(merged->run.started, "2025-01-01T00:00:00Z");
  EXPECT_EQ(merged->run.wall_ms, a.run.wall_ms);
  EXPECT_EQ(merged->tracer.allocations, allocations);
  EXPECT_EQ(merged->tracer.lost.at("map_full"), 7u);
  EXPECT_EQ(merged->tracer.lost.at("other"), 1u);
  EXPECT_EQ(merged->tracer.truncated_stacks.at("no_cfi"), 3u);
}

TEST(Merge, AnIncompleteShardMakesTheWholeIncomplete) {
  auto a = shard("A.a", "f", 1).recording, b = shard("B.b", "g", 1).recording;
  b.run.incomplete_reasons.push_back({"target_timeout", 1, "the target ran too long", ""});
  const auto merged = merge({a, b, b});
  ASSERT_TRUE(merged);
  ASSERT_EQ(merged->run.incomplete_reasons.size(), 1u);
  EXPECT_EQ(merged->run.incomplete_reasons[0].count, 2u);
  EXPECT_EQ(judge(*merged, {}).summary.verdict, model::RunVerdict::incomplete);
}

TEST(Merge, OneRecordingStaysAsItIsAndNoneIsAnError) {
  const auto none = merge({});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::usage);
  const auto one = merge({shard("A.a", "f", 1).recording});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->tests.size(), 1u);
}

}  // namespace
}  // namespace leakgate::judge

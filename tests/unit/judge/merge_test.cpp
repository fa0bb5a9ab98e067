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
  std::vector<model::Recording> shards = {shard("A.a", "fa", 10).recording, shard("B.b", "fb", 20).recording,
                                          shard("C.c", "fc", 30).recording};
  for (std::size_t i = 0; i < 3; ++i)
    shards[i].blocks[0].age_log2_ms = std::vector<std::uint64_t>(i + 1, 0),
    shards[i].blocks[0].age_log2_ms[i] = 1;
  auto merged = merge(std::move(shards));
  ASSERT_TRUE(merged);
  const auto verdict = judge(*merged, {});
  ASSERT_EQ(verdict.leaks.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& leak = verdict.leaks[i];
    EXPECT_EQ(leak.bytes, 10 * (i + 1));
    ASSERT_EQ(leak.age_log2_ms.size(), i + 1);
    EXPECT_EQ(leak.age_log2_ms[i], 1u);
    EXPECT_EQ(verdict.tests[leak.test].test.id, std::vector<std::string>({"A.a", "B.b", "C.c"})[i]);
    EXPECT_EQ(leak.stack[0].function, std::vector<std::string>({"fa", "fb", "fc"})[i]);
    EXPECT_EQ(leak.stack[0].module, "/lib/" + std::string(leak.stack[0].function) + ".so");
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

/// Paths of each were made relative to its own.
TEST(Merge, ASourceRootHoldsWhereItIsThatOfEachShard) {
  auto a = shard("A.a", "f", 1).recording, b = shard("B.b", "g", 1).recording;
  a.run.source_root = b.run.source_root = "/home/dev/app";
  b.run.cwd = "/home/dev/app/build";
  EXPECT_EQ(merge({a, b})->run.source_root, "/home/dev/app");
  b.run.source_root.clear();
  b.run.cwd = a.run.cwd;
  const auto merged = merge({a, b});
  EXPECT_EQ(merged->run.source_root, "");
  EXPECT_EQ(merged->run.cwd, "");
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

std::string refusal(const std::vector<model::Recording>& recordings, MergeRule rule = MergeRule::parts,
                    std::size_t expected = 0) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < recordings.size(); ++i)
    names.push_back(std::string(1, static_cast<char>('a' + i)));
  const auto checked = check_parts(recordings, names, rule, expected);
  if (checked) return "";
  EXPECT_EQ(checked.error().kind, ErrorKind::usage);
  EXPECT_FALSE(checked.error().hint.empty());
  return checked.error().message;
}

model::Recording part(std::uint32_t index, std::uint32_t total) {
  auto recording = shard("T.t" + std::to_string(index), "f", 10).recording;
  recording.run.shard = {index, total, "GTEST_TOTAL_SHARDS"};
  return recording;
}

TEST(Merge, AllPartsTogetherAreOnePartAndSomeAreNotTheWhole) {
  const auto whole = merge({part(1, 3), part(0, 3), part(2, 3)});
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->run.shard, (model::Shard{0, 1, "GTEST_TOTAL_SHARDS"}));
  EXPECT_EQ(merge({part(1, 3), part(0, 3)})->run.shard->total, 3u);
  EXPECT_EQ(merge({part(1, 3), shard("A.a", "f", 1).recording})->run.shard->total, 3u);
  EXPECT_EQ(merge({part(1, 3)})->run.shard->index, 1u);
  auto of_other_program = part(1, 2);
  of_other_program.run.command = {"other_tests"};
  EXPECT_EQ(merge({part(0, 2), of_other_program})->run.shard->total, 2u);
  EXPECT_FALSE(merge({shard("A.a", "f", 1).recording, shard("B.b", "f", 1).recording})->run.shard);
}

TEST(Merge, WhereOnePartsTestsWereChosenTheWholesWere) {
  auto all = part(0, 2), some = part(1, 2);
  all.run.tests_chosen_by = some.run.tests_chosen_by = "";
  EXPECT_EQ(merge({all, some})->run.tests_chosen_by, "");
  some.run.tests_chosen_by = "GTEST_FILTER";
  EXPECT_EQ(merge({all, some})->run.tests_chosen_by, "GTEST_FILTER");
  EXPECT_EQ(merge({some, all})->run.tests_chosen_by, "GTEST_FILTER");
  some.run.tests_chosen_by.reset();
  EXPECT_FALSE(merge({all, some})->run.tests_chosen_by);
}

TEST(MergeCheck, TheSameRecordingTwiceIsRefused) {
  const auto one = shard("A.a", "f", 1).recording;
  EXPECT_EQ(refusal({one, shard("B.b", "f", 1).recording, one}), "a and c are the same recording");
  EXPECT_EQ(refusal({one, one}, MergeRule::any), "a and b are the same recording");
}

TEST(MergeCheck, PartsOfOneSuiteAreTaken) {
  EXPECT_EQ(refusal({part(1, 3), part(0, 3), part(2, 3)}), "");
  EXPECT_EQ(refusal({part(1, 3)}), "") << "one job may look at its own part";
  EXPECT_EQ(refusal({part(1, 3)}, MergeRule::whole), "part 1 of 3 is missing (and 1 more)");
  EXPECT_EQ(refusal({shard("A.a", "f", 1).recording}, MergeRule::whole), "") << "not a part of anything";
  auto first = shard("A.a", "f", 1).recording, second = shard("B.b", "f", 1).recording;
  first.run.command = {"/jobs/1/ctest", "-I", "1,,2", "--timeout", "5"};
  second.run.command = {"ctest", "-I2,,2", "--timeout", "5"};
  EXPECT_EQ(refusal({first, second}), "") << "what only chooses tests differs between parts";
}

TEST(MergeCheck, AMissingPartIsNamed) {
  EXPECT_EQ(refusal({part(0, 4), part(2, 4)}), "part 2 of 4 is missing (and 1 more)");
  EXPECT_EQ(refusal({part(0, 2), part(0, 2)}).substr(0, 7), "a and b");
  auto again = part(0, 2);
  again.run.wall_ms += 1;
  EXPECT_EQ(refusal({part(0, 2), again}), "a and b are both part 1 of 2");
  EXPECT_EQ(refusal({part(0, 2), part(1, 3)}), "a is one of 2 parts, b is one of 3");
  EXPECT_EQ(refusal({part(0, 2), shard("A.a", "f", 1).recording}), "a is a part of a suite and b is not");
  EXPECT_EQ(refusal({part(0, 4), part(2, 4)}, MergeRule::any), "");
  EXPECT_EQ(refusal({part(0, 4)}, MergeRule::any, 4), "1 recording given, 4 expected");
}

TEST(MergeCheck, MixedRecordingsAreRefused) {
  const auto one = shard("A.a", "f", 1).recording;
  auto other = shard("B.b", "f", 1).recording;
  other.run.command = {"./other_tests"};
  EXPECT_EQ(refusal({one, other}), "a and b are of different commands");
  EXPECT_EQ(refusal({one, other}, MergeRule::any), "");
  other = shard("B.b", "f", 1).recording;
  other.tool_version = "9.9";
  EXPECT_EQ(refusal({one, other}, MergeRule::any), "a and b were recorded by leakgate 0.1.0 and 9.9");
  auto first = one, second = shard("B.b", "f", 1).recording;
  first.modules.push_back({"/home/dev/app/build/unit_tests", "aa"});
  second.modules.push_back({"/home/dev/app/build/unit_tests", "bb"});
  EXPECT_EQ(refusal({first, second}), "a and b are of different builds of unit_tests");
}

}  // namespace
}  // namespace leakgate::judge

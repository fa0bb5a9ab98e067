// SPDX-License-Identifier: Apache-2.0
// The baseline: states, the ratchet, and its file.
#include "harness/judge/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::BaselineState;
using model::LeakVerdict;
using ::testing::HasSubstr;

/// Leaks of `bytes` each in tests T.0, T.1, ...; 0 is a test without one.
model::Recording run_of(const std::vector<std::uint64_t>& bytes) {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto test = builder.test(process, "T." + std::to_string(i));
    if (bytes[i] > 0)
      builder.leak(test, builder.stack({{"site" + std::to_string(i), "/home/dev/app/a.cpp", 5}}), bytes[i]);
  }
  return builder.recording;
}

Baseline baseline_of(const std::vector<std::uint64_t>& bytes) {
  Policy policy;
  policy.baseline = Baseline{{}, "b.json"};
  return updated(*policy.baseline, judge(run_of(bytes), policy).baseline.rows, "first");
}

model::Verdict against(const Baseline& baseline, const std::vector<std::uint64_t>& bytes) {
  Policy policy;
  policy.baseline = baseline;
  policy.baseline->file = "b.json";
  return judge(run_of(bytes), policy);
}

std::vector<BaselineState> states(const model::Verdict& verdict) {
  std::vector<BaselineState> result;
  for (const auto& row : verdict.baseline.rows)
    result.push_back(row.state);
  return result;
}

TEST(Baseline, OnlyNewAndGrownFail) {
  const auto verdict = against(baseline_of({100, 100, 100, 100, 0}), {100, 101, 99, 0, 7});
  EXPECT_EQ(states(verdict),
            (std::vector{BaselineState::unchanged, BaselineState::grown, BaselineState::shrunk,
                         BaselineState::absent, BaselineState::added}));
  std::vector<LeakVerdict> verdicts;
  for (const auto& leak : verdict.leaks)
    verdicts.push_back(leak.verdict);
  EXPECT_EQ(verdicts,
            (std::vector{LeakVerdict::allowed, LeakVerdict::fail, LeakVerdict::allowed, LeakVerdict::fail}));
  EXPECT_THAT(verdict.leaks[1].reason, HasSubstr("grown: the baseline has 100 bytes in 1 block"));
  EXPECT_EQ(verdict.summary.verdict, model::RunVerdict::fail);
  EXPECT_EQ(verdict.summary.leaked_bytes, 108u);
  EXPECT_EQ(against(baseline_of({100, 50}), {100, 50}).summary.verdict, model::RunVerdict::pass);
}

TEST(Baseline, UpdatingRatchetsDown) {
  const auto before = baseline_of({100, 100, 100});
  const auto after = updated(before, against(before, {100, 60, 0}).baseline.rows, "");
  ASSERT_EQ(after.entries.size(), 2u);
  EXPECT_EQ(after.entries.begin()->second.reason, "first");
  EXPECT_EQ(std::next(after.entries.begin())->second.bytes, 60u);
  EXPECT_EQ(against(after, {100, 61}).summary.verdict, model::RunVerdict::fail) << "what was won is kept";
}

TEST(Baseline, EntriesOfTestsThatDidNotRunStay) {
  const auto before = baseline_of({100, 100, 100});
  const auto verdict = against(before, {100});
  EXPECT_EQ(states(verdict), (std::vector{BaselineState::unchanged}));
  EXPECT_EQ(updated(before, verdict.baseline.rows, "").entries.size(), 3u);
}

TEST(BaselineFile, ReadsBackWhatItWritesInOneLinePerEntry) {
  auto baseline = baseline_of({10, 20});
  baseline.entries.begin()->second.reason = "quote \" and \n line";
  baseline.entries.begin()->second.programs = {"a", "b \" c"};
  const auto text = format_baseline(baseline);
  const auto again = parse_baseline(text, "f");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->entries, baseline.entries);
  EXPECT_EQ(format_baseline(*again), text);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 8);
  std::size_t entries = 0;
  for (std::size_t at = text.find("\"test\""); at != std::string::npos; at = text.find("\"test\"", at + 1)) {
    ++entries;
    EXPECT_THAT(text.substr(at, text.find('\n', at) - at), ::testing::EndsWith("},")) << "no line is special";
  }
  EXPECT_EQ(entries, 2u);
}

TEST(BaselineFile, WhatAMergeLeavesTwiceCountsOnce) {
  const auto text = R"json({"schema": "leakgate-baseline/1", "entries": [
    {"test": "T.0", "fingerprint": "lg1:00", "bytes": 5, "blocks": 3},
    {"test": "T.0", "fingerprint": "lg1:00", "bytes": 7, "blocks": 1, "reason": "r"}, {},
    {"test": "(outside tests)", "fingerprint": "lg1:00", "bytes": 1, "blocks": 1, "programs": ["b"]},
    {"test": "(outside tests)", "fingerprint": "lg1:00", "bytes": 1, "blocks": 1, "programs": ["a"]}]
})json";
  const auto baseline = parse_baseline(text, "f");
  ASSERT_TRUE(baseline);
  ASSERT_EQ(baseline->entries.size(), 2u);
  EXPECT_EQ(baseline->entries.begin()->second.programs, (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(std::next(baseline->entries.begin())->second, (BaselineEntry{7, 3, "", "r", {}}));
}

TEST(BaselineFile, ComplaintsNameThePlace) {
  const auto error = [](std::string_view text) {
    const auto baseline = parse_baseline(text, "f");
    return baseline ? std::string("none") : baseline.error().message;
  };
  EXPECT_THAT(error("{}"), HasSubstr("f:1:1: the baseline is not a baseline of leakgate"));
  EXPECT_THAT(error("{\"schema\": \"leakgate-baseline/2\"}"), HasSubstr("has version 'leakgate-baseline/2'"));
  EXPECT_THAT(error("{\"schema\": \"leakgate-baseline/1\"}"), HasSubstr("has no list of entries"));
  EXPECT_THAT(error("{\"schema\": \"leakgate-baseline/1\", \"entries\": [\n{\"test\": \"a\"}]}"),
              HasSubstr("f:2:1: "));
  EXPECT_THAT(error("{\"schema\": \"leakgate-baseline/1\", \"entries\": [{\"test\": \"a\", \"fingerprint\": "
                    "\"lg1:0\", \"bytes\": 1, \"blocks\": 1, \"programs\": [1]}]}"),
              HasSubstr("programs that are not a list of strings"));
  EXPECT_THAT(error("{\"schema\": \"leakgate-baseline/1\", \"entries\": [\n<<<<<<< HEAD\n"),
              HasSubstr("conflict of a merge"));
}

}  // namespace
}  // namespace leakgate::judge

// SPDX-License-Identifier: Apache-2.0
// Patterns of what repetitions add, and what becomes of them in the verdict.
#include "harness/judge/growth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "harness/judge/policy_file.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::Kind;
using model::LeakVerdict;
using test::RecordingBuilder;
using ::testing::HasSubstr;

GrowthPattern pattern(const std::vector<std::uint64_t>& added) {
  return growth_of(added).pattern;
}

TEST(Growth, NeedsFourRounds) {
  EXPECT_EQ(pattern({100, 100, 100}), GrowthPattern::none);
  EXPECT_EQ(pattern({100, 100, 100, 100}), GrowthPattern::linear);
  EXPECT_EQ(pattern({0, 0, 0, 0, 0}), GrowthPattern::none);
}

TEST(Growth, WhatEveryRoundAddsIsLinear) {
  EXPECT_EQ(pattern({5000, 100, 100, 100, 100}), GrowthPattern::linear) << "the first round sets things up";
  EXPECT_EQ(pattern({0, 100, 100, 100, 100}), GrowthPattern::linear);
  EXPECT_EQ(pattern({90, 110, 80, 130, 100}), GrowthPattern::linear);
  EXPECT_EQ(growth_of(std::vector<std::uint64_t>{5000, 100, 100, 100, 100}).slope_bytes, 100u);
  EXPECT_EQ(growth_of(std::vector<std::uint64_t>{100, 100, 9000, 100, 100, 100, 100}).slope_bytes, 100u)
      << "one odd round does not move the slope";
}

TEST(Growth, WhatRisesByHalfEachTimeIsExponential) {
  EXPECT_EQ(pattern({16, 32, 64, 128, 256}), GrowthPattern::exponential);
  EXPECT_EQ(pattern({100, 110, 120, 130, 140}), GrowthPattern::linear);
}

TEST(Growth, WhatComesAgainAndAgainIsStepped) {
  EXPECT_EQ(pattern({100, 0, 100, 0, 100, 0}), GrowthPattern::stepped);
  EXPECT_EQ(pattern({0, 0, 100, 0, 0, 100, 0, 0, 100}), GrowthPattern::stepped);
}

TEST(Growth, InitialisationAndCachesDoNotGrow) {
  EXPECT_EQ(pattern({100, 0, 0, 0, 0}), GrowthPattern::one_time);
  EXPECT_EQ(pattern({400, 200, 100, 0, 0}), GrowthPattern::saturating);
  EXPECT_EQ(pattern({100, 0, 100, 0, 0, 0}), GrowthPattern::saturating);
  EXPECT_EQ(pattern({0, 0, 0, 0, 100}), GrowthPattern::replaced);
}

TEST(Growth, WhatCannotBeToldIsNotCalledGrowth) {
  EXPECT_EQ(pattern({800, 400, 200, 100, 50}), GrowthPattern::undecided) << "it may be filling up";
  EXPECT_EQ(pattern({0, 0, 0, 100, 100}), GrowthPattern::undecided) << "the last two may be kept";
  EXPECT_EQ(pattern({0, 100, 0, 0, 100}), GrowthPattern::undecided);
}

/// The same blocks in bytes of ten each, where `frees` of the site's blocks were freed.
GrowthPattern pattern_beside(std::uint64_t frees, const std::vector<std::uint64_t>& blocks) {
  std::vector<RoundLeft> rounds;
  for (const std::uint64_t count : blocks)
    rounds.push_back({10 * count, count});
  return growth_of(rounds, frees).pattern;
}

TEST(Growth, ATableThatFillsByChanceIsNotGrowth) {
  EXPECT_EQ(pattern({160, 80, 40, 40, 20}), GrowthPattern::undecided)
      << "of few keys, fewer are new each time";
  EXPECT_EQ(pattern({40, 1, 1, 0, 0, 0, 1}), GrowthPattern::undecided) << "a pool at its most";
  EXPECT_EQ(pattern({83, 0, 2, 0, 3}), GrowthPattern::undecided);
  EXPECT_EQ(pattern({100, 80, 120, 60, 40}), GrowthPattern::linear) << "the first round is not the largest";
  EXPECT_EQ(growth_of(std::vector<RoundLeft>{{900, 3}, {900, 3}, {900, 3}, {200, 3}, {100, 3}}, 0).pattern,
            GrowthPattern::linear)
      << "smaller blocks, but as many";
}

TEST(Growth, WhatLetsGoOfTheOldIsNotGrowth) {
  EXPECT_EQ(pattern_beside(30, {1, 2, 4, 8, 10}), GrowthPattern::undecided) << "thrown out at random";
  EXPECT_EQ(pattern_beside(8, {0, 8, 8, 8, 8}), GrowthPattern::undecided) << "the last four are kept";
  EXPECT_EQ(pattern_beside(9, {1, 0, 1, 3, 4}), GrowthPattern::undecided);
  EXPECT_EQ(pattern_beside(0, {1, 2, 4, 8, 10}), GrowthPattern::linear) << "nothing was freed";
}

TEST(Growth, ALeakBesideWhatIsFreedGrows) {
  EXPECT_EQ(pattern_beside(1000, {1, 1, 1, 1, 1}), GrowthPattern::linear);
  EXPECT_EQ(pattern_beside(12, {1, 1, 1, 1, 13}), GrowthPattern::linear) << "a sawtooth on top of it";
  EXPECT_EQ(pattern_beside(40, {8, 0, 8, 0, 8}), GrowthPattern::stepped);
  EXPECT_EQ(pattern_beside(40, {0, 8, 0, 8, 8}), GrowthPattern::stepped);
}

/// A test that runs several times, and adds to one site what `added` says.
struct Repeated : RecordingBuilder {
  explicit Repeated(const std::vector<std::uint64_t>& added, Kind kind = Kind::still_reachable) {
    const auto main_process = process();
    const auto site =
        stack(test::with_gtest_below({{"remember", "/home/dev/app/src/list.cpp", 12},
                                      {"List_Adds_Test::TestBody", "/home/dev/app/src/list.cpp", 20}}));
    for (const std::uint64_t bytes : added) {
      const auto round = test(main_process, "List.Adds");
      if (bytes == 0) continue;
      leak(round, site, bytes, 1);
      recording.blocks.back().kind = kind;
    }
  }
  std::vector<model::Leak> failing(const Policy& policy = {}) const {
    std::vector<model::Leak> result;
    for (const auto& leak : judge(recording, policy).leaks)
      if (leak.verdict == LeakVerdict::fail) result.push_back(leak);
    return result;
  }
};

TEST(Growth, FailsOnceAtItsLastRound) {
  const auto failing = Repeated({100, 100, 100, 100, 100}).failing();
  ASSERT_EQ(failing.size(), 1u);
  EXPECT_EQ(failing[0].test, 4u);
  EXPECT_THAT(failing[0].reason, HasSubstr("grows: 5 of 5 rounds added to it, 100 bytes a round"));
}

TEST(Growth, OfWhatDoesNotGrowNothingFails) {
  EXPECT_TRUE(Repeated({100, 0, 0, 0, 0}).failing().empty());
  EXPECT_TRUE(Repeated({100, 100, 100}).failing().empty());
  const auto verdict = judge(Repeated({100, 0, 0, 0, 0}).recording, {});
  EXPECT_THAT(verdict.leaks[0].reason, HasSubstr("added in the first of 5 rounds alone"));
}

TEST(Growth, LostBlocksAreJudgedAsEver) {
  EXPECT_EQ(Repeated({100, 0, 0, 0, 0}, Kind::definitely_lost).failing().size(), 1u);
  EXPECT_EQ(Repeated({100, 100, 100, 100}, Kind::definitely_lost).failing().size(), 4u);
}

Policy policy_of(std::string_view text) {
  auto policy = parse_policy(text, "p");
  EXPECT_TRUE(policy) << policy.error().message;
  return policy ? *policy : Policy();
}

TEST(Growth, ThePolicyNamesWhatFails) {
  const Repeated linear({100, 100, 100, 100, 100}), once({100, 0, 0, 0, 0});
  EXPECT_TRUE(linear.failing(policy_of(R"({"growth": {"fail": ["stepped"]}})")).empty());
  EXPECT_EQ(once.failing(policy_of(R"({"growth": {"fail": ["one_time"]}})")).size(), 1u);
  EXPECT_EQ(linear.failing(policy_of(R"({"fail_kinds": [], "growth": {"fail": ["linear"]}})")).size(), 1u);
  EXPECT_TRUE(linear.failing(policy_of(R"({"fail_kinds": []})")).empty());
}

TEST(Growth, SmallAndShortGrowthMayPass) {
  const Repeated linear({100, 100, 100, 100, 100});
  EXPECT_TRUE(linear.failing(policy_of(R"({"growth": {"min_bytes_per_round": 101}})")).empty());
  EXPECT_EQ(linear.failing(policy_of(R"({"growth": {"min_bytes_per_round": 100}})")).size(), 1u);
  EXPECT_TRUE(linear.failing(policy_of(R"({"growth": {"min_rounds": 6}})")).empty());
  EXPECT_EQ(linear.failing(policy_of(R"({"growth": {"min_rounds": 5}})")).size(), 1u);
}

TEST(Growth, OnlyWhatGrowsFailsWhereThePolicySaysSo) {
  const Policy only = policy_of(R"({"growth": {"only": true}})");
  EXPECT_TRUE(Repeated({100, 0, 0, 0, 0}, Kind::definitely_lost).failing(only).empty());
  EXPECT_EQ(Repeated({100, 100, 100, 100, 100}, Kind::definitely_lost).failing(only).size(), 1u);
  EXPECT_EQ(Repeated({100}, Kind::definitely_lost).failing(only).size(), 1u) << "one round tells nothing";
}

TEST(Growth, WhatWasFreedAgainOscillates) {
  Repeated rounds({0, 0, 0, 100, 100});
  EXPECT_EQ(judge(rounds.recording, {}).leaks[1].growth->pattern, GrowthPattern::undecided);
  rounds.recording.stacks[0].frees = 3;
  EXPECT_EQ(judge(rounds.recording, {}).leaks[1].growth->pattern, GrowthPattern::oscillating);
}

TEST(Growth, IsAFactOfOneLeakWithWhatEachRoundAdded) {
  const auto verdict = judge(Repeated({50, 100, 100, 100}).recording, {});
  EXPECT_EQ(verdict.leaks[0].growth, nullptr);
  ASSERT_NE(verdict.leaks[3].growth, nullptr);
  EXPECT_EQ(verdict.leaks[3].growth->added_bytes, (std::vector<std::uint64_t>{50, 100, 100, 100}));
  EXPECT_EQ(verdict.leaks[3].growth->rounds_per_point, 1u);
}

TEST(Growth, ManyRoundsAreSummedUp) {
  const auto verdict = judge(Repeated(std::vector<std::uint64_t>(1000, 10)).recording, {});
  const auto& growth = verdict.leaks.back().growth;
  ASSERT_NE(growth, nullptr);
  EXPECT_EQ(growth->rounds_per_point, 5u);
  EXPECT_EQ(growth->added_bytes, std::vector<std::uint64_t>(200, 50));
}

TEST(Growth, TooFewRoundsAreToldOf) {
  EXPECT_THAT(judge(Repeated({100, 100, 100}).recording, {}).tracer.notes,
              ::testing::Contains(HasSubstr("tests ran in 3 rounds, and 4 are needed")));
  EXPECT_TRUE(judge(Repeated({100}).recording, {}).tracer.notes.empty());
  EXPECT_TRUE(judge(Repeated({100, 0, 0, 0}).recording, {}).tracer.notes.empty());
}

TEST(Growth, TestsOfOtherProcessesAreNoRounds) {
  RecordingBuilder builder;
  for (int i = 0; i < 5; ++i) {
    const auto process = builder.process();
    const auto site = builder.stack(test::with_gtest_below({{"remember", "/home/dev/app/src/list.cpp", 12}}));
    builder.leak(builder.test(process, "List.Adds"), site, 100, 1);
    builder.recording.blocks.back().kind = Kind::still_reachable;
  }
  for (const auto& leak : judge(builder.recording, {}).leaks)
    EXPECT_NE(leak.verdict, LeakVerdict::fail);
}

}  // namespace
}  // namespace leakgate::judge

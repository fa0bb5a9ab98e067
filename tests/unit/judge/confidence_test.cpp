// SPDX-License-Identifier: Apache-2.0
// Features of findings, and that their probabilities go the right way.
#include "harness/judge/confidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::Kind;
using test::RecordingBuilder;

/// A site that left `blocks` in each round of its test; 0: nothing.
struct Site : RecordingBuilder {
  explicit Site(Kind kind, const std::vector<std::uint64_t>& blocks = {3}) {
    const auto main_process = process();
    const auto site = stack(test::with_gtest_below({{"keep", "/home/dev/app/src/list.cpp", 12}}));
    for (const std::uint64_t count : blocks) {
      const auto round = test(main_process, "List.Keeps");
      if (count == 0) continue;
      leak(round, site, 100 * count, count);
      recording.blocks.back().kind = kind;
    }
  }
  model::Stack& history() { return recording.stacks[recording.blocks[0].stack]; }
  [[nodiscard]] double confidence() const { return judge(recording, {}).leaks.back().confidence; }
  [[nodiscard]] Features features() const {
    model::Recording copy = recording;
    const auto stacks = std::make_shared<const model::StackTable>(
        model::StackTable{std::move(copy.modules), std::move(copy.frames), std::move(copy.stacks)});
    const auto candidates = collect_leaks(copy, stacks).candidates;
    return features_of(candidates, find_growth(candidates, copy), copy).front();
  }
  [[nodiscard]] double feature(std::string_view name) const {
    const auto at = std::find(kFeatures.begin(), kFeatures.end(), name) - kFeatures.begin();
    return features()[static_cast<std::size_t>(at)];
  }
};

TEST(Confidence, FollowsTheKind) {
  EXPECT_GT(Site(Kind::definitely_lost).confidence(), 0.8);
  EXPECT_GT(Site(Kind::definitely_lost).confidence(), Site(Kind::possibly_lost).confidence());
  EXPECT_GT(Site(Kind::possibly_lost).confidence(), Site(Kind::still_reachable).confidence());
}

TEST(Confidence, OfReachableMemoryIsWhatRepetitionShows) {
  const double once = Site(Kind::still_reachable).confidence();
  EXPECT_GT(Site(Kind::still_reachable, {3, 3, 3, 3, 3}).confidence(), 0.9);
  EXPECT_LT(Site(Kind::still_reachable, {3, 0, 0, 0, 0}).confidence(), 0.2);
  EXPECT_GT(once, 0.2);
  EXPECT_LT(once, 0.9);
}

TEST(Confidence, OfLostBlocksFallsWhereTheyCameOnce) {
  EXPECT_LT(Site(Kind::definitely_lost, {3, 0, 0, 0, 0}).confidence(),
            Site(Kind::definitely_lost, {3, 3, 3, 3, 3}).confidence() - 0.2);
}

TEST(Confidence, WithoutALineIsLower) {
  Site site(Kind::still_reachable);
  const double with_line = site.confidence();
  for (model::Frame& frame : site.recording.frames)
    frame.line = 0;
  EXPECT_LT(site.confidence(), with_line);
}

TEST(Confidence, OfWhatWasNotExaminedIsAModelOfItsOwn) {
  const Features features = Site(Kind::unclassified).features();
  EXPECT_NE(confidence_of(features, Kind::unclassified), confidence_of(features, Kind::definitely_lost));
  EXPECT_GT(Site(Kind::unclassified).confidence(), 0.5);
}

TEST(Confidence, IsNeverCertain) {
  Features features{};
  features[0] = 1e6;
  EXPECT_DOUBLE_EQ(confidence_of(features, Kind::definitely_lost), 1 - kLeastConfidence);
  features[0] = -1e6;
  EXPECT_DOUBLE_EQ(confidence_of(features, Kind::definitely_lost), kLeastConfidence);
}

TEST(ConfidenceFeatures, ComeFromTheHistoryOfTheSite) {
  Site site(Kind::definitely_lost);
  site.history().allocations = 12;
  site.history().frees = 9;
  site.history().lifetime_log2_ms = {6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3};  // below 1 ms, below 16 s
  site.recording.blocks[0].age_min_ms = 900;
  EXPECT_DOUBLE_EQ(site.feature("never_freed"), 0.25);
  EXPECT_DOUBLE_EQ(site.feature("outlives"), 6.0 / 9);
  site.history().allocations = 0;  // not known
  EXPECT_DOUBLE_EQ(site.feature("never_freed"), 1);
  EXPECT_DOUBLE_EQ(site.feature("outlives"), 0);
}

TEST(ConfidenceFeatures, TellInHowManyRoundsItCame) {
  const Site site(Kind::definitely_lost, {3, 0, 3, 0, 0});
  EXPECT_EQ(site.feature("repeated"), 1);
  EXPECT_DOUBLE_EQ(site.feature("repeated_share"), 0.4);
  EXPECT_EQ(Site(Kind::definitely_lost, {3, 0, 3}).feature("repeated"), 0) << "too few rounds";
  EXPECT_EQ(Site(Kind::still_reachable, {3, 3, 3, 3}).feature("grows"), 1);
  EXPECT_EQ(Site(Kind::still_reachable, {3, 0, 0, 0}).feature("settles"), 1);
}

}  // namespace
}  // namespace leakgate::judge

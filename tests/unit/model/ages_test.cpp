// SPDX-License-Identifier: Apache-2.0
// Histograms of ages: exact, whenever the end becomes known, and small where many blocks share a time.
#include "harness/model/ages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace leakgate::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kMs = 1'000'000;

TEST(Ages, BucketNIsUnderTwoToTheNMilliseconds) {
  EXPECT_EQ(age_bucket(0), 0u);
  EXPECT_EQ(age_bucket(1), 1u);
  EXPECT_EQ(age_bucket(2), 2u);
  EXPECT_EQ(age_bucket(3), 2u);
  EXPECT_EQ(age_bucket(4), 3u);
  EXPECT_EQ(age_bucket(1023), 10u);
  EXPECT_EQ(age_bucket(1024), 11u);
}

TEST(BirthTimes, AgesAreCountedToTheEndGivenLast) {
  BirthTimes births;
  for (const std::uint64_t born : {100 * kMs, 100 * kMs, 96 * kMs, 40 * kMs})
    births.add(born);
  EXPECT_THAT(births.ages_at(100 * kMs), ElementsAre(2, 0, 0, 1, 0, 0, 1));
  EXPECT_THAT(births.ages_at(103 * kMs), ElementsAre(0, 0, 2, 1, 0, 0, 1));
  EXPECT_THAT(births.ages_at(50 * kMs), ElementsAre(3, 0, 0, 0, 1)) << "born after the end: of no age";
  EXPECT_THAT(births.ages_at(100 * kMs - 1), ElementsAre(2, 0, 1, 0, 0, 0, 1)) << "whole milliseconds";
  EXPECT_THAT(BirthTimes().ages_at(5), IsEmpty());
}

TEST(BirthTimes, BlocksOfOneTimeTakeOneRow) {
  BirthTimes births;
  for (std::uint64_t i = 0; i < 1'000'000; ++i)
    births.add(i * 7919 % 300 * kMs);  // in no order
  EXPECT_LE(births.rows(), 1024u);
  const AgeHistogram ages = births.ages_at(300 * kMs);
  std::uint64_t sum = 0;
  for (const auto blocks : ages)
    sum += blocks;
  EXPECT_EQ(sum, 1'000'000u);
  ASSERT_EQ(ages.size(), 10u);
  EXPECT_EQ(ages[0], 0u);
  EXPECT_EQ(ages[1], 3333u) << "those of 299";
}

TEST(Ages, AGroupWithoutThemHasThemWhereItsYoungestAndOldestAgree) {
  BlockGroup group;
  group.blocks = 3;
  group.age_min_ms = 600;
  group.age_max_ms = 900;
  EXPECT_THAT(ages_of(group), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3));
  group.age_min_ms = 500;
  EXPECT_THAT(ages_of(group), IsEmpty());
  group.age_log2_ms = {1, 2};
  EXPECT_THAT(ages_of(group), ElementsAre(1, 2));
}

TEST(Ages, SumsStayUnknownAndStayInRange) {
  AgeHistogram sum = {1, 2};
  add_ages(sum, {0, 1, 5});
  EXPECT_THAT(sum, ElementsAre(1, 3, 5));
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  add_ages(sum, {kMax});
  EXPECT_THAT(sum, ElementsAre(kMax, 3, 5));
  add_ages(sum, {});
  EXPECT_THAT(sum, IsEmpty());
  add_ages(sum, {1});
  EXPECT_THAT(sum, IsEmpty());
}

}  // namespace
}  // namespace leakgate::model

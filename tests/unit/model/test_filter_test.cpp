// SPDX-License-Identifier: Apache-2.0
// What arguments and variables make a test program run some of its tests alone.
#include "harness/model/test_filter.h"

#include <gtest/gtest.h>

#include <map>

namespace leakgate::model {
namespace {

bool chooses(Framework framework, std::vector<std::string> words, bool all_parts = false) {
  words.insert(words.begin(), "./tests");
  return may_choose_tests(framework, words, all_parts);
}

TEST(TestFilter, GoogleTestsFiltersChoose) {
  EXPECT_TRUE(chooses(Framework::gtest, {"--gtest_filter=A.*"}));
  EXPECT_TRUE(chooses(Framework::gtest, {"-gtest_filter=-A.*"}));
  EXPECT_TRUE(chooses(Framework::gtest, {"--gtest_flagfile=f"}));
  EXPECT_FALSE(chooses(Framework::gtest, {}));
  EXPECT_FALSE(chooses(Framework::gtest, {"--gtest_filter=*", "--gtest_shuffle", "mine"}));
}

TEST(TestFilter, Catch2TakesWhatIsNoOptionForAFilter) {
  for (const char* word : {"[fast]", "a test", "-c", "--input-file=f"})
    EXPECT_TRUE(chooses(Framework::catch2, {word})) << word;
  EXPECT_FALSE(chooses(Framework::catch2, {"-r", "junit", "--out", "x.xml", "--order=rand", "-s", "*"}));
  EXPECT_TRUE(chooses(Framework::catch2, {"--out=x.xml", "a test"}));
  for (const char* word : {"--shard-count:2", "--input-file:sel.txt", "-f:sel.txt", "-c:part"})
    EXPECT_TRUE(chooses(Framework::catch2, {word})) << word;
  EXPECT_TRUE(chooses(Framework::catch2, {"--out:x.xml", "a test"}));
  EXPECT_FALSE(chooses(Framework::catch2, {"--out:x.xml", "-r:junit"}));
}

TEST(TestFilter, PartsAreSomeTestsUnlessAllAreThere) {
  EXPECT_TRUE(chooses(Framework::catch2, {"--shard-count", "2"}));
  EXPECT_FALSE(chooses(Framework::catch2, {"--shard-count", "2", "--shard-index=1"}, true));
}

TEST(TestFilter, DoctestAndBoostTestHaveShortNamesToo) {
  for (const char* word : {"--test-case=a", "-tc=a", "--dt-tce=a", "-sc=x", "--last=3"})
    EXPECT_TRUE(chooses(Framework::doctest, {word})) << word;
  EXPECT_FALSE(chooses(Framework::doctest, {"--reporters=xml", "-s", "plain"}));
  for (const char* word : {"--run_test=a", "--run=a", "-t", "-ta/b"})
    EXPECT_TRUE(chooses(Framework::boost_test, {word})) << word;
  EXPECT_FALSE(chooses(Framework::boost_test, {"--log_level=all", "--report_level=no"}));
}

TEST(TestFilter, OfOtherProgramsNothingIsKnown) {
  EXPECT_FALSE(chooses(Framework::none, {}));
  EXPECT_TRUE(chooses(Framework::none, {"mine"}));
}

TEST(TestFilter, VariablesChooseUnlessTheyAreForEverything) {
  const auto chosen_by = [](std::map<std::string, std::string> environment) {
    return choosing_variable([&](std::string_view name) { return environment[std::string(name)]; });
  };
  EXPECT_EQ(chosen_by({}), "");
  EXPECT_EQ(chosen_by({{"GTEST_FILTER", "*"}, {"HOME", "x"}}), "");
  EXPECT_EQ(chosen_by({{"GTEST_FILTER", "A.*"}}), "GTEST_FILTER");
  EXPECT_EQ(chosen_by({{"BOOST_TEST_RUN_FILTERS", "a"}}), "BOOST_TEST_RUN_FILTERS");
}

}  // namespace
}  // namespace leakgate::model

// SPDX-License-Identifier: Apache-2.0
// Lists of test cases as the frameworks print them, and as people's names make them hard to read.
#include "harness/attribute/listing.h"

#include <gmock/gmock.h>

namespace leakgate::attribute {
namespace {

using model::Framework;
using testing::ElementsAre;

std::vector<std::string> ids(Framework framework, std::string_view text) {
  std::vector<std::string> found;
  for (const ListedTest& test : parse_listing(framework, text))
    found.push_back(test.id + (test.disabled ? " (disabled)" : ""));
  return found;
}

TEST(Listing, GoogleTestsSuitesParametersAndTypes) {
  EXPECT_THAT(
      ids(Framework::gtest,
          "Running main() from gtest_main.cc\n"
          "Plain.\n  Works\n  DISABLED_Sleeps\n"
          "Typed/0.  # TypeParam = std::vector<int>\n  Y\n"
          "All/Values.\n  X/0  # GetParam() = \"a  # b\"\n  X/b  # GetParam() = 2\n"
          "DISABLED_Whole.\n  One\n"
          "All/DISABLED_Values.\n  Z/0  # GetParam() = 1\n"),
      ElementsAre("Plain.Works", "Plain.DISABLED_Sleeps (disabled)", "Typed/0.Y", "All/Values.X/0",
                  "All/Values.X/b", "DISABLED_Whole.One (disabled)", "All/DISABLED_Values.Z/0 (disabled)"));
}

TEST(Listing, WhatAProgramPrintsBesideIsNoTest) {
  EXPECT_THAT(
      ids(Framework::gtest, "  loading plug-ins\nready to go.\n  now\nSuite.\n  A\n    deeper\nbye\n  B\n"),
      ElementsAre("Suite.A"));
  EXPECT_THAT(ids(Framework::gtest, ""), ElementsAre());
}

TEST(Listing, Catch2NamesAreWholeLines) {
  EXPECT_THAT(
      ids(Framework::catch2,
          "a; b, [c] \"q\" \\ back\n\"#hash\"\n  spaces around \n\ntmpl - int\r\na; b, [c] \"q\" \\ back\n"),
      ElementsAre("a; b, [c] \"q\" \\ back", "#hash", "  spaces around ", "tmpl - int"));
}

TEST(Listing, DoctestNamesStandBetweenRulers) {
  const std::string ruler(79, '=');
  EXPECT_THAT(ids(Framework::doctest,
                  "[doctest] listing all test case names\n" + ruler + "\n  in suite\n===\ntm<int>\n" + ruler +
                      "\n[doctest] unskipped test cases passing the current filters: 3\n"),
              ElementsAre("  in suite", "===", "tm<int>"));
}

TEST(Listing, BoostTestsLeavesHaveThePathOfTheirSuites) {
  EXPECT_THAT(ids(Framework::boost_test,
                  "top*\nouter*: what it is: long\n    inner \n        deep \n    data*\n        _0*\n       "
                  " _1*: *: x\nlast*\n"),
              ElementsAre("top", "outer/inner/deep (disabled)", "outer/data/_0", "outer/data/_1", "last"));
}

TEST(Listing, ReportersOfTheRunDoNotListItsTests) {
  EXPECT_THAT(arguments_for_listing(Framework::catch2, {"[fast]", "--reporter", "junit", "-s", "-o", "a.xml",
                                                        "-r=xml", "--out:b.xml", "--order", "rand"}),
              ElementsAre("[fast]", "-s", "--order", "rand"));
  EXPECT_THAT(arguments_for_listing(Framework::doctest, {"-r=junit", "-ts=a=b", "--dt-out=a.xml", "-o=b"}),
              ElementsAre("-ts=a=b"));
  EXPECT_THAT(
      arguments_for_listing(Framework::gtest, {"--gtest_output=xml:a.xml", "--gtest_output", "-r", "data"}),
      ElementsAre("-r", "data"));
  EXPECT_THAT(arguments_for_listing(Framework::boost_test, {"--log_format=XML"}),
              ElementsAre("--log_format=XML"));
}

TEST(Listing, NobodyIsAskedWithoutAFramework) {
  EXPECT_TRUE(listing_arguments(Framework::none).empty());
  for (const auto framework :
       {Framework::gtest, Framework::catch2, Framework::doctest, Framework::boost_test})
    EXPECT_FALSE(listing_arguments(framework).empty());
}

}  // namespace
}  // namespace leakgate::attribute

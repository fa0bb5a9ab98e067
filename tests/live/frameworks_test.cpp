// SPDX-License-Identifier: Apache-2.0
// doctest and Boost.Test, seen from outside: every test case has its window, its name as the framework has
// it, its outcome and its own leaks. As many test cases as the program itself lists.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class Frameworks : public Live {
 protected:
  Traced run(std::string_view name, int status, std::vector<std::string> arguments = {}) {
    Traced traced = trace_program(scratch_, name, std::move(arguments), kUnclassified);
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), status) << traced.program.err;
    return traced;
  }
  static std::string leak(std::string_view file, std::string_view test, std::uint64_t blocks,
                          std::uint64_t bytes) {
    return row(0, test, file, "live_keep(std::malloc(bytes))", blocks, bytes);
  }
};

TEST_F(Frameworks, DoctestCasesOwnTheirLeaks) {
  const Traced traced = run("live_doctest_mixed", 1);
  const auto at = [](std::string_view test, std::uint64_t blocks, std::uint64_t bytes) {
    return leak("doctest_mixed.cpp", test, blocks, bytes);
  };
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAre(at("leaks", 1, 300), at("fails and leaks", 1, 301),
                                                      at("throws and leaks", 1, 302),
                                                      at("in a suite", 1, 303), at("subcases", 1, 304),
                                                      at("subcases", 1, 305), at("templated<double>", 1, 8)));
  EXPECT_THAT(test_outcomes(traced),
              ElementsAre("clean passed clean", "leaks passed leak", "fails and leaks failed leak",
                          "throws and leaks failed leak", "in a suite passed leak", "subcases passed leak",
                          "templated<int> passed clean", "templated<double> passed leak"));
}

class Boost : public Frameworks, public testing::WithParamInterface<const char*> {};

TEST_P(Boost, CasesHaveThePathOfTheirSuites) {
  const Traced traced = run(GetParam(), 201);
  const auto at = [](std::string_view test, std::uint64_t bytes) {
    return leak("boost_mixed.cpp", test, 1, bytes);
  };
  EXPECT_THAT(leak_rows(traced),
              UnorderedElementsAre(at("leaks", 310), at("outer/leaks", 311), at("outer/inner/leaks", 312),
                                   at("outer/fails", 313), at("outer/throws", 314), at("outer/data/_1", 316),
                                   at("templated<double>", 8), at("last", 317)));
  EXPECT_THAT(
      test_outcomes(traced),
      ElementsAre("clean passed clean", "leaks passed leak", "outer/leaks passed leak",
                  "outer/inner/leaks passed leak", "outer/fails failed leak", "outer/throws failed leak",
                  "outer/data/_0 passed clean", "outer/data/_1 passed leak", "templated<int> passed clean",
                  "templated<double> passed leak", "last passed leak"));
}

TEST_P(Boost, WhatTheFrameworkKeepsOfEachTestIsNotTheTests) {
  const Traced traced = trace_program(scratch_, GetParam());
  expect_whole(traced);
  for (const auto& test : traced.result["tests"]) {
    if (test["id"] == "templated<int>") {
      EXPECT_EQ(test["held_s"], 0) << "a clean test was looked at";
    }
    if (test["id"] == "templated<double>") {
      EXPECT_GT(test["held_s"], 0) << "a test with a leak was not";
    }
  }
}

TEST_P(Boost, AFilterLeavesPathsAsTheyAre) {
  const Traced traced = run(GetParam(), 23, {"--run_test=outer/inner"});
  EXPECT_THAT(test_outcomes(traced), ElementsAre("outer/inner/leaks passed leak"));
}

/// The samples on which the marks were verified: every optimisation level, static and shared frameworks,
/// header-only ones.
class Samples : public Frameworks, public testing::WithParamInterface<const char*> {};

TEST_P(Samples, EveryTestTheProgramListsIsSeenFromStartToEnd) {
  const std::string program = std::string(LEAKGATE_SAMPLES) + "/" + GetParam();
  if (!std::filesystem::exists(program)) GTEST_SKIP() << "its framework is not installed here";
  const ProgramResult listed =
      run_program(scratch_, {.argv = {leakgate_path(), "ctest-rows", "--target=sample", "--list=rows",
                                      "--folder=" + (scratch_ / "rows").string(), "--", program}});
  ASSERT_EQ(listed.status(), 0) << listed.err;
  std::multiset<std::string> expected, seen;
  std::istringstream ids(read_file(scratch_ / "rows" / "ids"));
  for (std::string id; std::getline(ids, id);)
    // disabled ones are listed too; Boost.Test's sample calls its own so
    if (id.find("DISABLED_") == std::string::npos && id != "disabled") expected.insert(id);
  const Traced traced = trace(scratch_, {.command = {program}, .options = kUnclassified});
  for (const auto& test : traced.result["tests"]) {
    if (test["framework"] == "none" || test["id"] == "(outside tests)") continue;
    seen.insert(test["id"].get<std::string>());
    EXPECT_NE(test["outcome"], "crashed") << test["id"];
  }
  EXPECT_TRUE(traced.result["run"]["complete"].get<bool>()) << traced.result["run"];
  EXPECT_EQ(seen, expected);
  EXPECT_GE(seen.size(), 5u);
}

INSTANTIATE_TEST_SUITE_P(Builds, Samples,
                         testing::Values("gtest_sample_O0", "gtest_sample_O3", "gtest_sample_shared",
                                         "catch2_v2_sample_O0", "catch2_v2_sample_O3", "catch2_v3_sample_O0",
                                         "catch2_v3_sample_O3", "doctest_sample", "boost_sample",
                                         "boost_sample_shared"));

INSTANTIATE_TEST_SUITE_P(Builds, Boost, testing::Values("live_boost_mixed", "live_boost_mixed_shared"));

class BoostFixtures : public Frameworks, public testing::WithParamInterface<const char*> {};

TEST_P(BoostFixtures, AreTheirCasesAndThoseOfASuiteNoOnes) {
  const Traced traced = run(GetParam(), 23);
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& leak : traced.result["leaks"])
    if (leak.dump().find("::leak(") != std::string::npos)  // else it is the C and C++ runtimes' own
      bytes[leak["test"].get<std::string>()] += leak["bytes"].get<std::uint64_t>();
  EXPECT_THAT(bytes,
              UnorderedElementsAre(testing::Pair("first", 400), testing::Pair("decorated", 401 + 402),
                                   testing::Pair("fixtured", 403 + 404), testing::Pair("threaded", 405),
                                   testing::Pair("after", 406), testing::Pair("suite/one", 407),
                                   testing::Pair("(outside tests)", 401 + 402)));
}

INSTANTIATE_TEST_SUITE_P(Builds, BoostFixtures,
                         testing::Values("live_boost_fixtures", "live_boost_fixtures_shared"));

}  // namespace
}  // namespace leakgate::live

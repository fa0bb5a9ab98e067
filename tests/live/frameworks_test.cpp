// SPDX-License-Identifier: Apache-2.0
// doctest and Boost.Test, seen from outside: every test case has its window, its name as the framework has
// it, its outcome and its own leaks. As many test cases as the program itself lists.
#include <gmock/gmock.h>

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

TEST_P(Boost, AFilterLeavesPathsAsTheyAre) {
  const Traced traced = run(GetParam(), 23, {"--run_test=outer/inner"});
  EXPECT_THAT(test_outcomes(traced), ElementsAre("outer/inner/leaks passed leak"));
}

INSTANTIATE_TEST_SUITE_P(Builds, Boost, testing::Values("live_boost_mixed", "live_boost_mixed_shared"));

}  // namespace
}  // namespace leakgate::live

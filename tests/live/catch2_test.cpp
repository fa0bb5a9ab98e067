// SPDX-License-Identifier: Apache-2.0
// Catch2 binaries, unchanged: a test case is one test however often its sections and generators run it.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;

class Catch2 : public Live {
 protected:
  /// The binary's status is the number of failed assertions, or, in newer versions, a fixed number.
  Traced run(std::vector<std::string> arguments = {}) {
    const ProgramResult native = run_program(scratch_, {.argv = command(arguments)});
    Traced traced = trace(scratch_, {.command = command(arguments)});
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), native.status() == 0 ? 23 : native.status()) << traced.program.err;
    return traced;
  }
  static std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program_path("live_catch2_mixed"));
    return arguments;
  }
  static std::string leak(std::string_view test, std::uint64_t blocks, std::uint64_t bytes) {
    return row(0, test, "catch2_mixed.cpp", "live_keep(std::malloc(bytes))", blocks, bytes);
  }
  static std::vector<std::string> everything() {
    return {leak("sections", 1, 280),   leak("sections", 1, 281),    leak("nested sections", 1, 272),
            leak("generators", 3, 819), leak("fails", 1, 274),       leak("skips", 1, 275),
            leak("throws", 1, 276),     leak("typed - double", 1, 8)};
  }
};

TEST_F(Catch2, EachTestCaseOwnsItsLeak) {
  const Traced traced = run();
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAreArray(everything()));
  EXPECT_THAT(test_outcomes(traced),
              ElementsAre("sections passed leak", "nested sections passed leak", "generators passed leak",
                          "fails failed leak", "skips skipped leak", "throws failed leak",
                          "clean passed clean", "typed - char passed clean", "typed - double passed leak"));
}

TEST_F(Catch2, TestsHaveFileAndLine) {
  const auto test = test_row(run({"generators"}), "generators");
  EXPECT_EQ(test["framework"], "catch2");
  EXPECT_EQ(test["file"], program_source("catch2_mixed.cpp"));
  EXPECT_EQ(test["line"], line_of("catch2_mixed.cpp", "TEST_CASE(\"generators\""));
}

TEST_F(Catch2, RandomOrderKeepsTheOwners) {
  EXPECT_THAT(leak_rows(run({"--order", "rand", "--rng-seed", "11"})),
              UnorderedElementsAreArray(everything()));
}

TEST_F(Catch2, OneSectionAloneIsItsTestCase) {
  EXPECT_THAT(leak_rows(run({"sections", "-c", "second"})), UnorderedElementsAre(leak("sections", 1, 281)));
}

TEST_F(Catch2, CleanSelectionPasses) {
  const Traced traced = trace(scratch_, {.command = command({"clean,typed - char"})});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_THAT(test_outcomes(traced), ElementsAre("clean passed clean", "typed - char passed clean"));
}

}  // namespace
}  // namespace leakgate::live

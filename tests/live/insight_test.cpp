// SPDX-License-Identifier: Apache-2.0
// What is told of a leak beside its place: its pattern, and where other blocks of its site were freed.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Insight : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped() || HasFailure()) return;
    traced_ = trace_program(scratch_, "live_gtest_insight");
    expect_whole(traced_);
  }
  /// The leak of a test, or an empty object and a failure.
  nlohmann::json leak_of(const std::string& test) {
    for (const auto& leak : traced_.result["leaks"])
      if (leak["test"] == test) return leak;
    ADD_FAILURE() << "no leak of " << test << "\n" << traced_.program.err;
    return nlohmann::json::object();
  }
  std::string pattern_of(const std::string& test) {
    const auto leak = leak_of(test);
    return leak.contains("pattern") && leak["pattern"].is_string() ? leak["pattern"].get<std::string>() : "";
  }
  /// The functions of the leak's freed_by, a line each; a failure where there is none.
  std::string frees_of(const std::string& test) {
    const auto leak = leak_of(test);
    EXPECT_TRUE(leak.contains("freed_by")) << leak.dump(1);
    std::string functions;
    for (const auto& frame : leak.value("freed_by", nlohmann::json::array()))
      if (frame["function"].is_string()) functions += frame["function"].get<std::string>() + "\n";
    return functions;
  }
  Traced traced_;
};

TEST_F(Insight, TellsWhereOtherBlocksOfTheSiteWereFreed) {
  EXPECT_THAT(frees_of("Insight.LosesWhatOthersFree"), HasSubstr("drop_node"));
  EXPECT_FALSE(leak_of("Insight.LosesOneEachTime").contains("freed_by"));
}

TEST_F(Insight, OfSeveralFreesThatOfThePathThatFreedMostIsTold) {
  EXPECT_THAT(frees_of("Insight.LosesWhatIsMostlyFreedElsewhere"), HasSubstr("drop_often"))
      << "behind 4,096 other stacks";
}

TEST_F(Insight, TellsErrorPathsByWhatCameAfterTheAllocation) {
  EXPECT_EQ(pattern_of("Insight.LosesItToAnException"), "error_path");
  EXPECT_EQ(pattern_of("Failing.LosesItToAnAssertion"), "error_path");
  EXPECT_EQ(pattern_of("Insight.LosesItAfterAnException"), "one_shot");
  EXPECT_THAT(leak_of("Insight.LosesItToAnException")["recommendation"].get<std::string>(),
              StartsWith("An exception was thrown while it was held"));
  EXPECT_THAT(leak_of("Failing.LosesItToAnAssertion")["recommendation"].get<std::string>(),
              StartsWith("An assertion failed while it was held"));
}

TEST_F(Insight, TellsLoopsFromSingleBlocks) {
  EXPECT_EQ(pattern_of("Insight.LosesOneEachTime"), "loop");
  EXPECT_EQ(pattern_of("Insight.LosesOneInEachThread"), "loop");
  EXPECT_EQ(pattern_of("Insight.LosesWhatOthersFree"), "one_shot");
}

TEST_F(Insight, TellsWhatBlocksOfTheCLibraryStandFor) {
  EXPECT_EQ(leak_of("Insight.LosesAFile")["kind"], "still_reachable")
      << "the C library has a list of open files";
  EXPECT_EQ(pattern_of("Insight.LosesAFile"), "resource");
  EXPECT_THAT(leak_of("Insight.LosesAFile")["recommendation"].get<std::string>(), HasSubstr("fclose"));
  EXPECT_EQ(pattern_of("Insight.LosesADirectory"), "resource");
  EXPECT_THAT(leak_of("Insight.LosesADirectory")["recommendation"].get<std::string>(), HasSubstr("closedir"));
}

}  // namespace
}  // namespace leakgate::live

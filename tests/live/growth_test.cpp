// SPDX-License-Identifier: Apache-2.0
// Reachable memory that grows with each repetition of a test, beside memory that does not.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Growth : public Live {
 protected:
  Traced repeat(const std::string& rounds) {
    return trace_program(scratch_, "live_gtest_grows", {}, {"--repeat", rounds});
  }
  static std::vector<std::string> failing(const Traced& traced) {
    std::vector<std::string> rows;
    for (const auto& leak : traced.result["leaks"])
      if (leak["verdict"] == "fail")
        rows.push_back(leak["test"].get<std::string>() + " " + std::to_string(leak["bytes"].get<int>()));
    return rows;
  }
};

TEST_F(Growth, OneRoundShowsNothing) {
  const Traced traced = trace_program(scratch_, "live_gtest_grows");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
}

TEST_F(Growth, RepetitionTellsWhatGrowsFromWhatWasSetUpOnce) {
  const Traced traced = repeat("5");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_THAT(failing(traced), ElementsAre("Growth.ListenerIsNeverRemoved 120"));
  std::vector<std::string> told;
  for (const auto& leak : traced.result["leaks"]) {
    const auto reason = leak["reason"].get<std::string>();
    const auto test = leak["test"].get<std::string>();
    if (leak["verdict"] == "fail") {
      EXPECT_THAT(reason, HasSubstr("grows: 5 of 5 rounds added to it, 120 bytes a round"));
    } else if (test != "Growth.ListenerIsNeverRemoved" && reason.find("round") != std::string::npos) {
      told.push_back(test + reason.substr(reason.find(';')));
    }
  }
  EXPECT_THAT(told,
              UnorderedElementsAre("Growth.SettingsAreReadOnce; added in the first of 5 rounds alone",
                                   "Growth.TheCacheFills; added in 2 of 5 rounds, and nothing at the end",
                                   "Growth.TheCacheFills; added in 2 of 5 rounds, and nothing at the end",
                                   "Growth.TheLastResultIsKept; of the last of 5 rounds alone"));
}

TEST_F(Growth, TellsWhenALimitIsReached) {
  const Traced traced =
      trace_program(scratch_, "live_gtest_grows", {}, {"--repeat", "5", "--memory-limit", "1000000"});
  expect_whole(traced);
  EXPECT_THAT(traced.program.err, HasSubstr("by it alone 1000000 bytes are reached after "));
  std::size_t told = 0;
  for (const auto& leak : traced.result["leaks"]) {
    if (!leak.contains("growth") || !leak["growth"].contains("memory_limit")) continue;
    ++told;
    EXPECT_EQ(leak["verdict"], "fail");
    const auto& limit = leak["growth"]["memory_limit"];
    const double missing = 1e6 - limit["held_bytes"].get<double>();
    EXPECT_NEAR(limit["rounds"]["expected"].get<double>(), missing / 120, 0.01);
    EXPECT_GT(limit["seconds"]["expected"].get<double>(), 0);
  }
  EXPECT_EQ(told, 1u);
}

TEST_F(Growth, ThreeRoundsAreTooFewToSay) {
  const Traced traced = repeat("3");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
}

TEST_F(Growth, IsAMemberOfTheResultAndWhatThePolicyNames) {
  const Traced traced = trace_program(scratch_, "live_gtest_grows", {},
                                      {"--repeat", "5", "--growth-fail", "saturating,one_time"});
  EXPECT_THAT(failing(traced),
              UnorderedElementsAre("Growth.SettingsAreReadOnce 300", "Growth.TheCacheFills 200"));
  std::vector<std::string> grown;
  for (const auto& leak : traced.result["leaks"])
    if (leak.contains("growth") && leak["growth"]["pattern"] == "linear")
      grown.push_back(leak["growth"].dump());
  EXPECT_THAT(grown, ElementsAre(R"({"added_bytes":[120,120,120,120,120],"pattern":"linear","rounds":5,)"
                                 R"("rounds_adding":5,"rounds_per_point":1,"slope_bytes_per_round":120})"));
}

TEST_F(Growth, SmallAndShortGrowthMayPass) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--growth-min-bytes", "121"}, {"--growth-min-rounds", "6"}}) {
    std::vector<std::string> options = {"--repeat", "5"};
    options.insert(options.end(), flags.begin(), flags.end());
    const Traced traced = trace_program(scratch_, "live_gtest_grows", {}, options);
    EXPECT_EQ(traced.program.status(), 0) << flags[0] << traced.program.err;
  }
}

}  // namespace
}  // namespace leakgate::live

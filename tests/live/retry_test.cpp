// SPDX-License-Identifier: Apache-2.0
// Tests that leak are run again on their own: what comes each time, what does not, and that nobody else
// notices.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Retry : public Live {
 protected:
  /// `options`, then the program, with its runs counted in a file.
  Traced flaky(const std::vector<std::string>& options, std::vector<std::string> arguments = {}) {
    TraceRequest request;
    request.command = {program_path("live_gtest_flaky")};
    request.command.insert(request.command.end(), arguments.begin(), arguments.end());
    request.options = options;
    request.process.extra_environment = {"LIVE_RUNS=" + (scratch_.path() / "runs").string()};
    return trace(scratch_, request);
  }
  /// "TEST VERDICT seen/runs" of each leak of a test.
  static std::vector<std::string> rows(const Traced& traced) {
    std::vector<std::string> rows;
    for (const auto& leak : traced.result["leaks"]) {
      if (leak["test"] == "(outside tests)") continue;
      const auto again = leak.contains("recurrence") ? leak["recurrence"] : nlohmann::json();
      rows.push_back(leak["test"].get<std::string>() + " " + leak["verdict"].get<std::string>() +
                     (again.is_null() ? ""
                                      : " " + std::to_string(again["seen"].get<int>()) + "/" +
                                            std::to_string(again["runs"].get<int>())));
    }
    return rows;
  }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++n;
    return n;
  }
};

TEST_F(Retry, FlakyLeaksAreToldAndFailAllTheSame) {
  const Traced traced = flaky({"--retry-suspects", "3"});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_THAT(rows(traced), UnorderedElementsAre("Leak.Always fail 4/4", "Leak.AtFirst fail 1/4"));
  EXPECT_THAT(traced.program.err, HasSubstr("seen in 1 of 4 runs: flaky"));
  EXPECT_EQ(read_file(scratch_.path() / "runs"), "xxxx");
  EXPECT_EQ(traced.result["summary"]["tests"], 3);
  EXPECT_EQ(traced.result["processes"].size(), 1u);
}

TEST_F(Retry, OnlyTheFirstRunIsHeard) {
  const auto xml = scratch_.path() / "own.xml";
  const Traced traced = flaky({"--retry-suspects", "2"}, {"--gtest_output=xml:" + xml.string()});
  EXPECT_EQ(count(traced.program.out, "a test of its own says this"), 1u) << traced.program.out;
  EXPECT_THAT(read_file(xml), HasSubstr("tests=\"3\""));  // and not that of the suspects alone
}

TEST_F(Retry, ThePolicyMayLetFlakyLeaksPass) {
  const Traced traced = flaky({"--retry-suspects", "2", "--allow-flaky"}, {"--gtest_filter=*AtFirst"});
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_THAT(rows(traced), ElementsAre("Leak.AtFirst below_threshold 1/3"));
}

TEST_F(Retry, TestsThatDoNotLeakAreNotRunAgain) {
  const Traced traced = flaky({"--retry-suspects", "2"}, {"--gtest_filter=*Never"});
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_FALSE(traced.result["run"].contains("rerun"));
}

TEST_F(Retry, ThatNothingWasRunAgainIsSaid) {
  const Traced traced = trace_program(scratch_, "live_gtest_crash", {}, {"--retry-suspects", "1"});
  EXPECT_THAT(traced.result["tracer"]["notes"].dump(),
              HasSubstr("no test was run again: the run ended by a signal"))
      << traced.program.err;
}

TEST_F(Retry, EveryFrameworksTestsCanBeSelected) {
  for (const char* program : {"live_catch2_mixed", "live_doctest_mixed", "live_boost_mixed"}) {
    const Traced traced = trace_program(scratch_, program, {}, {"--retry-suspects", "1"});
    std::size_t failing = 0;
    for (const auto& leak : traced.result["leaks"]) {
      if (leak["verdict"] != "fail" || leak["test"] == "(outside tests)") continue;
      ++failing;
      EXPECT_EQ(leak["recurrence"]["runs"], 2) << program << " " << leak["test"] << "\n"
                                               << traced.program.err;
      EXPECT_EQ(leak["recurrence"]["seen"], 2) << program << " " << leak["test"];
    }
    EXPECT_GT(failing, 3u) << program << "\n" << traced.program.err;
  }
}

TEST_F(Retry, WholeRunsAreRepeatedWhereAProgramCannotRepeatItsTests) {
  const Traced traced = trace_program(scratch_, "live_catch2_mixed", {}, {"--repeat", "3"});
  EXPECT_EQ(traced.result["run"]["rerun"]["what"], "everything");
  std::size_t failing = 0;
  for (const auto& leak : traced.result["leaks"])
    if (leak["verdict"] == "fail") {
      ++failing;
      EXPECT_EQ(leak["recurrence"]["seen"], 3) << leak["test"];
    }
  EXPECT_GT(failing, 3u) << traced.program.err;
  EXPECT_THAT(traced.program.err, HasSubstr("it was run 3 times"));
}

}  // namespace
}  // namespace leakgate::live

// SPDX-License-Identifier: Apache-2.0
// A gate that fails without a failing leak is red in every report that CI reads.
#include "harness/report/failing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tinyxml2.h>

#include <nlohmann/json.hpp>

#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kSentence = "test Suite.Leaks leaks 48 of at most 40 bytes";

/// The test leaks more than it may, and the run less: no leak fails, the gate does.
model::Verdict without_failing_leak() {
  judge::Policy policy;
  policy.file = "ci/leakgate.json";
  policy.rules.test.bytes = 40;
  policy.run.bytes = 100;
  return test::TwoTests().verdict(policy);
}

TEST(FailuresBesideLeaks, AreLimitsThatNoFailingLeakTellsOf) {
  const auto verdict = without_failing_leak();
  EXPECT_EQ(verdict.summary.verdict, model::RunVerdict::fail);
  EXPECT_EQ(verdict.summary.leaking, 0u);
  EXPECT_THAT(failures_beside_leaks(verdict), ElementsAre(kSentence));
  judge::Policy policy;
  policy.run.bytes = 10;
  const auto told_by_leaks = test::TwoTests().verdict(policy);
  EXPECT_EQ(told_by_leaks.limits_exceeded.size(), 1u);
  EXPECT_THAT(failures_beside_leaks(told_by_leaks), IsEmpty());
}

TEST(FailuresBesideLeaks, AreSuppressionsEvenBesideLeaks) {
  auto verdict = test::TwoTests().verdict();
  verdict.suppressions.push_back(
      {"leak:x", "s.supp:2", model::SuppressionState::unused, 0, 0, 0, "", "", ""});
  verdict.limits_exceeded = {"s.supp:2: the suppression is unused", "the run leaks much"};
  EXPECT_THAT(failures_beside_leaks(verdict), ElementsAre("s.supp:2: the suppression is unused"));
}

TEST(FailuresBesideLeaks, AreInTheRunsOneLine) {
  EXPECT_THAT(render_console(without_failing_leak()),
              HasSubstr("leakgate: fail: 2 tests, no leaks that fail (1 with allowed ones); " +
                        std::string(kSentence) + "\n"));
}

TEST(FailuresBesideLeaks, AreAFailedTestCaseInJunit) {
  tinyxml2::XMLDocument document;
  ASSERT_EQ(document.Parse(render_junit(without_failing_leak()).c_str()), tinyxml2::XML_SUCCESS);
  const auto* root = document.RootElement();
  EXPECT_EQ(root->IntAttribute("tests"), 3);
  EXPECT_EQ(root->IntAttribute("failures"), 1);
  EXPECT_EQ(root->IntAttribute("errors"), 0);
  const auto* suite = root->LastChildElement("testsuite");
  EXPECT_STREQ(suite->Attribute("name"), "leakgate");
  EXPECT_EQ(suite->IntAttribute("tests"), 1);
  EXPECT_EQ(suite->IntAttribute("failures"), 1);
  const auto* test_case = suite->FirstChildElement("testcase");
  ASSERT_NE(test_case, nullptr);
  EXPECT_STREQ(test_case->Attribute("name"), "the policy holds");
  const auto* failure = test_case->FirstChildElement("failure");
  ASSERT_NE(failure, nullptr);
  EXPECT_STREQ(failure->Attribute("message"), kSentence);
  EXPECT_STREQ(failure->Attribute("type"), "limit");
}

TEST(FailuresBesideLeaks, AreAResultInSarif) {
  const Json run = Json::parse(render_sarif(without_failing_leak()))["runs"][0];
  ASSERT_EQ(run["results"].size(), 1u);
  const Json& result = run["results"][0];
  EXPECT_EQ(result["ruleId"], "limit_exceeded");
  EXPECT_EQ(run["tool"]["driver"]["rules"][result["ruleIndex"].get<std::size_t>()]["id"], "limit_exceeded");
  EXPECT_EQ(result["level"], "error");
  EXPECT_EQ(result["message"]["text"], kSentence + std::string("."));
  const Json& place = result["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "ci/leakgate.json");
  EXPECT_EQ(place["region"]["startLine"], 1);
  EXPECT_FALSE(result["partialFingerprints"]["primaryLocationLineHash"].get<std::string>().empty());
}

TEST(FailuresBesideLeaks, AreAnEntryOfCodeQuality) {
  const auto list = Json::parse(render(without_failing_leak(), Format::code_quality));
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["description"], kSentence);
  EXPECT_EQ(list[0]["check_name"], "leakgate/limit_exceeded");
  EXPECT_EQ(list[0]["location"]["path"], "ci/leakgate.json");
  EXPECT_FALSE(list[0]["fingerprint"].get<std::string>().empty());
}

TEST(FailuresBesideLeaks, AreAnErrorAmongAnnotations) {
  auto verdict = without_failing_leak();
  EXPECT_EQ(render(verdict, Format::github_annotations),
            "::error title=leakgate::fail: 2 tests, no leaks that fail (1 with allowed ones); " +
                std::string(kSentence) + "\n");
  verdict.limits_exceeded.emplace_back("binary b leaks 2 of at most 1 byte");
  EXPECT_THAT(
      render(verdict, Format::github_annotations),
      HasSubstr(std::string(kSentence) + " (and 1 more failure)%0Abinary b leaks 2 of at most 1 byte\n"));
}

TEST(FailuresBesideLeaks, KeepTheirIdentityWhenNumbersChange) {
  EXPECT_EQ(failure_identity("the run leaks 100 of at most 99 bytes"),
            failure_identity("the run leaks 5 of at most 4 bytes"));
  EXPECT_NE(failure_identity("test A.B leaks 2"), failure_identity("test A.C leaks 2"));
  auto verdict = without_failing_leak();
  verdict.limits_exceeded = {"test A.1 leaks 2", "test A.2 leaks 2"};
  const auto list = Json::parse(render(verdict, Format::code_quality));
  EXPECT_NE(list[0]["fingerprint"], list[1]["fingerprint"]);
  const Json results = Json::parse(render_sarif(verdict))["runs"][0]["results"];
  EXPECT_NE(results[0]["partialFingerprints"], results[1]["partialFingerprints"]);
}

}  // namespace
}  // namespace leakgate::report

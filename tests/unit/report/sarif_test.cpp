// SPDX-License-Identifier: Apache-2.0
// SARIF parsed back: the members its schema and GitHub ask for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include <nlohmann/json.hpp>

#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

Json rendered(const model::Verdict& verdict, const SarifLimits& limits = {}) {
  return Json::parse(render_sarif(verdict, limits));
}

void check_text(const Json& holder, const char* name, std::size_t longest = 1024) {
  ASSERT_TRUE(holder.contains(name)) << name;
  const auto text = holder[name]["text"].get<std::string>();
  EXPECT_FALSE(text.empty()) << name;
  EXPECT_LE(text.size(), longest * 4) << name;
}

void check_location(const Json& location) {
  const auto& physical = location.at("physicalLocation");
  const auto uri = physical.at("artifactLocation").at("uri").get<std::string>();
  EXPECT_FALSE(uri.empty());
  EXPECT_EQ(uri.find_first_of(" \\<>\"\n#"), std::string::npos) << uri;
  const bool relative = !uri.starts_with("file://");
  EXPECT_EQ(physical["artifactLocation"].contains("uriBaseId"), relative) << uri;
  EXPECT_FALSE(relative && uri.starts_with("/")) << uri;
  const auto& region = physical.at("region");
  for (const char* member : {"startLine", "startColumn", "endLine", "endColumn"})
    EXPECT_GE(region.at(member).get<std::uint64_t>(), 1u);
}

/// Everything GitHub and the schema require of the whole file.
void check_file(const Json& sarif) {
  EXPECT_EQ(sarif.at("version"), "2.1.0");
  EXPECT_TRUE(sarif.contains("$schema"));
  ASSERT_EQ(sarif.at("runs").size(), 1u);
  const auto& run = sarif["runs"][0];
  const std::set<std::string> allowed = {"tool", "automationDetails", "invocations", "originalUriBaseIds",
                                         "results"};
  for (const auto& [name, unused] : run.items())
    EXPECT_TRUE(allowed.count(name)) << name;
  const auto& driver = run.at("tool").at("driver");
  EXPECT_EQ(driver.at("name"), "leakgate");
  for (const auto& rule : driver.at("rules")) {
    for (const char* name : {"shortDescription", "fullDescription", "help"})
      check_text(rule, name);
    EXPECT_TRUE(rule.contains("id"));
  }
  EXPECT_THAT(run.at("automationDetails").at("id").get<std::string>(), ::testing::EndsWith("/"));
  EXPECT_TRUE(run.at("invocations")[0].at("executionSuccessful").is_boolean());
  if (run.contains("originalUriBaseIds")) {
    EXPECT_THAT(run["originalUriBaseIds"]["%SRCROOT%"]["uri"].get<std::string>(), ::testing::EndsWith("/"));
  }
  for (const auto& result : run.at("results")) {
    const auto index = result.at("ruleIndex").get<std::size_t>();
    EXPECT_EQ(driver["rules"].at(index)["id"], result.at("ruleId"));
    check_text(result, "message", 2048);
    ASSERT_EQ(result.at("locations").size(), 1u);
    check_location(result["locations"][0]);
    EXPECT_THAT(result.at("partialFingerprints").at("primaryLocationLineHash").get<std::string>(),
                ::testing::MatchesRegex("[0-9a-f]+:[0-9]+"));
    EXPECT_TRUE(result["partialFingerprints"].contains("leakgateFingerprint/v1"));
    if (!result.contains("codeFlows")) continue;
    for (const auto& one : result["codeFlows"][0]["threadFlows"][0].at("locations"))
      check_location(one.at("location"));
  }
}

TEST(SarifReport, HasWhatGithubAsksFor) {
  test::TwoTests builder;
  builder.leak(builder.leaky, model::kNone, 7);
  const Json sarif = rendered(builder.verdict());
  check_file(sarif);
  EXPECT_EQ(sarif["runs"][0]["results"].size(), 2u);
  check_file(rendered(judge::judge(test::hostile().recording, {})));
}

TEST(SarifReport, PointsAtTheSiteRelativeToTheRoot) {
  const Json result = rendered(test::TwoTests().verdict())["runs"][0]["results"][0];
  const auto& place = result["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "src/list.cpp");
  EXPECT_EQ(place["region"]["startLine"], 12);
  EXPECT_THAT(result["message"]["text"].get<std::string>(),
              HasSubstr("48 bytes in 2 blocks leaked (unclassified) in test [Suite.Leaks](1)"));
  EXPECT_EQ(result["relatedLocations"][0]["id"], 1);
  const auto& flow = result["codeFlows"][0]["threadFlows"][0]["locations"];
  EXPECT_EQ(flow.front()["location"]["message"]["text"], "_start") << "caller first";
  EXPECT_EQ(flow.back()["location"]["message"]["text"], "make_node");
}

TEST(SarifReport, ARunWithoutLeaksHasAnEmptyListOfResults) {
  test::TwoTests builder;
  builder.recording.blocks.clear();
  const Json sarif = rendered(builder.verdict());
  check_file(sarif);
  EXPECT_EQ(sarif["runs"][0]["results"], Json::array());
  check_file(rendered(judge::judge({}, {})));
}

TEST(SarifReport, OnlyFailingLeaksAreResults) {
  test::TwoTests builder;
  builder.leak(builder.leaky, builder.site, 8).kind = model::Kind::still_reachable;
  EXPECT_EQ(rendered(builder.verdict())["runs"][0]["results"].size(), 1u);
}

TEST(SarifReport, TwoLinesOfOneFunctionHaveDifferentHashesAndOneFingerprint) {
  test::TwoTests builder;
  builder.leak(builder.leaky,
               builder.stack(test::with_gtest_below(
                   {test::app_frame("make_node", "src/list.cpp", 13),
                    test::app_frame("Suite_Leaks_Test::TestBody", "tests/list_test.cpp", 15)})),
               8);
  const Json results = rendered(builder.verdict())["runs"][0]["results"];
  ASSERT_EQ(results.size(), 2u);
  const auto &a = results[0]["partialFingerprints"], &b = results[1]["partialFingerprints"];
  EXPECT_EQ(a["leakgateFingerprint/v1"], b["leakgateFingerprint/v1"]);
  EXPECT_NE(a["primaryLocationLineHash"], b["primaryLocationLineHash"]);
}

TEST(SarifReport, AnIncompleteRunIsNotSuccessfulAndSaysWhy) {
  test::TwoTests builder;
  builder.recording.run.incomplete_reasons.push_back(
      {"map_full", 3, "the table was full", "--max-live-blocks"});
  const Json invocation = rendered(builder.verdict())["runs"][0]["invocations"][0];
  EXPECT_EQ(invocation["executionSuccessful"], false);
  EXPECT_EQ(invocation["toolExecutionNotifications"][0]["descriptor"]["id"], "map_full");
  EXPECT_EQ(invocation["toolExecutionNotifications"][0]["message"]["text"],
            "the table was full; --max-live-blocks");
}

TEST(SarifReport, TooManyResultsAreCutToThoseWithMostBytesAndCounted) {
  test::TwoTests builder;
  for (std::uint32_t line = 1; line <= 9; ++line)
    builder.leak(builder.leaky, builder.stack({test::app_frame("f", "src/f.cpp", line)}), 1000 * line);
  SarifLimits limits;
  limits.max_results = 3;
  const Json run = rendered(builder.verdict(), limits)["runs"][0];
  ASSERT_EQ(run["results"].size(), 3u);
  EXPECT_EQ(run["results"][0]["properties"]["bytes"], 9000);
  EXPECT_THAT(run["invocations"][0]["toolExecutionNotifications"].dump(),
              HasSubstr("7 leaks with fewer bytes"));
}

TEST(SarifReport, BracketsInNamesAreNoLinks) {
  test::TwoTests builder;
  builder.recording.tests[builder.leaky].id = "a [tag](9)";
  EXPECT_THAT(rendered(builder.verdict())["runs"][0]["results"][0]["message"]["text"].get<std::string>(),
              HasSubstr("[a \\[tag\\](9)](1)"));
}

}  // namespace
}  // namespace leakgate::report

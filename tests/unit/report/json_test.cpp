// SPDX-License-Identifier: Apache-2.0
// leakgate-result/1 against its schema, and its contract.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/atomic_file.h"
#include "harness/report/report.h"
#include "tests/unit/report/schema_check.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

Json schema() {
  return Json::parse(read_whole(LEAKGATE_SCHEMA_DIR "/leakgate-result-1.schema.json", 1 << 20).value());
}
Json rendered(const model::Verdict& verdict) {
  return Json::parse(render_json(verdict));
}

TEST(JsonReport, MatchesItsSchema) {
  test::TwoTests builder;
  EXPECT_THAT(test::schema_errors(schema(), rendered(builder.verdict())), IsEmpty());
  EXPECT_THAT(test::schema_errors(schema(), rendered(judge::judge({}, {}))), IsEmpty());
  EXPECT_THAT(test::schema_errors(schema(), rendered(judge::judge(test::hostile().recording, {}))),
              IsEmpty());
}

TEST(JsonReport, AgesAreThereWhereTheyAreKnown) {
  test::TwoTests builder;
  EXPECT_TRUE(rendered(builder.verdict())["leaks"][0].at("age_log2_ms").is_null());
  builder.recording.blocks[0].age_log2_ms = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
  const Json document = rendered(builder.verdict());
  EXPECT_THAT(test::schema_errors(schema(), document), IsEmpty());
  EXPECT_EQ(document["leaks"][0]["age_log2_ms"], Json::parse("[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]"));
  Json bad = document;
  bad["leaks"][0]["age_log2_ms"][0] = -1;
  EXPECT_THAT(test::schema_errors(schema(), bad), Not(IsEmpty()));
}

TEST(JsonReport, AForecastHasAnIntervalThatMayBeOpen) {
  model::Verdict verdict = test::TwoTests().verdict();
  ASSERT_FALSE(verdict.leaks.empty());
  auto growth = std::make_shared<model::LeakGrowth>();
  growth->pattern = model::GrowthPattern::stepped;
  growth->rounds = 5;
  growth->added_bytes = {1, 0, 1, 0, 1};
  growth->forecast = model::LimitForecast{1000, 3, {1661.7, 900, std::nullopt}, {3.5, 1.75, 9.25}};
  verdict.leaks[0].growth = growth;
  const Json document = rendered(verdict);
  EXPECT_THAT(test::schema_errors(schema(), document), IsEmpty());
  const Json limit = document["leaks"][0]["growth"]["memory_limit"];
  EXPECT_EQ(limit["bytes"], 1000);
  EXPECT_EQ(limit["held_bytes"], 3);
  EXPECT_TRUE(limit["rounds"]["high"].is_null());
  EXPECT_EQ(limit["seconds"]["high"], 9.25);
  Json bad = document;
  bad["leaks"][0]["growth"]["memory_limit"].erase("seconds");
  EXPECT_THAT(test::schema_errors(schema(), bad), Not(IsEmpty()));
}

TEST(JsonReport, TheSchemaRefusesWhatIsWrong) {
  const Json good = rendered(test::TwoTests().verdict());
  const auto refused = [&](const char* pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    return !test::schema_errors(schema(), bad).empty();
  };
  EXPECT_TRUE(refused("/schema", "leakgate-result/2"));
  EXPECT_TRUE(refused("/unknown", 1));
  EXPECT_TRUE(refused("/run/exit", Json{{"code", 1}, {"signal", 6}}));
  EXPECT_TRUE(refused("/tests/0/verdict", "ok"));
  EXPECT_TRUE(refused("/tests/0/line", 0));
  EXPECT_TRUE(refused("/leaks/0/bytes", -1));
  EXPECT_TRUE(refused("/leaks/0/fingerprint", "abc"));
  EXPECT_TRUE(refused("/leaks/0/confidence", 1.5));
  EXPECT_TRUE(refused("/tracer/lost/x", "y"));
  for (const char* member : {"run", "tests", "leaks", "summary"}) {
    Json bad = good;
    bad.erase(member);
    EXPECT_THAT(test::schema_errors(schema(), bad), Not(IsEmpty())) << member;
  }
}

TEST(JsonReport, HoldsPidsIdsAndTheSite) {
  const Json json = rendered(test::TwoTests().verdict());
  EXPECT_EQ(json["processes"][0]["pid"], 4000);
  EXPECT_EQ(json["processes"][0]["parent"], 3999);
  EXPECT_EQ(json["tests"][0]["process"], 4000);
  EXPECT_EQ(json["tests"][0]["verdict"], "leak");
  EXPECT_THAT(json["tests"][0]["leaks"], ElementsAre("leak-1"));
  EXPECT_EQ(json["tests"][1]["verdict"], "clean");
  const Json& leak = json["leaks"][0];
  EXPECT_EQ(leak["test"], "Suite.Leaks");
  EXPECT_EQ(leak["process"], 4000);
  EXPECT_EQ(leak["bytes"], 48);
  EXPECT_EQ(leak["blocks"], 2);
  EXPECT_EQ(leak["age_s"], (Json{{"min", 0.2}, {"max", 0.9}}));
  EXPECT_EQ(leak["stack"][0]["function"], "make_node");
  EXPECT_EQ(leak["stack"][0]["file"], "/home/dev/app/src/list.cpp");
  EXPECT_EQ(leak["stack"][0]["line"], 12);
  EXPECT_EQ(json["summary"]["verdict"], "fail");
  EXPECT_EQ(json["run"]["wall_s"], 1.25);
}

TEST(JsonReport, AnIncompleteRunSaysSoWithCauseAndHint) {
  test::TwoTests builder;
  builder.recording.run.incomplete_reasons.push_back(
      {"map_full", 3, "the table was full", "--max-live-blocks"});
  const Json json = rendered(builder.verdict());
  EXPECT_EQ(json["run"]["complete"], false);
  EXPECT_EQ(json["run"]["incomplete_reasons"][0], (Json{{"cause", "map_full"},
                                                        {"count", 3},
                                                        {"message", "the table was full"},
                                                        {"hint", "--max-live-blocks"}}));
  EXPECT_EQ(json["summary"]["verdict"], "incomplete");
  EXPECT_EQ(json["leaks"].size(), 1u);
}

TEST(JsonReport, ExitIsACodeASignalOrNull) {
  test::TwoTests builder;
  builder.recording.run.exit = {{}, 9};
  EXPECT_EQ(rendered(builder.verdict())["run"]["exit"], (Json{{"signal", 9}}));
  builder.recording.run.exit = {0, {}};
  EXPECT_EQ(rendered(builder.verdict())["run"]["exit"], (Json{{"code", 0}}));
  builder.recording.run.exit = {};
  EXPECT_TRUE(rendered(builder.verdict())["run"]["exit"].is_null());
}

}  // namespace
}  // namespace leakgate::report

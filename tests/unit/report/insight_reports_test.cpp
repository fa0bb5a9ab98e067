// SPDX-License-Identifier: Apache-2.0
// Growth, recurrence, patterns and frees in each report that tells of them; and reports written side by side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/base/atomic_file.h"
#include "harness/report/report.h"
#include "tests/unit/report/schema_check.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using Json = nlohmann::json;
using model::Kind;
using ::testing::HasSubstr;
using ::testing::Not;

/// A test of five rounds that grows; one that leaks in one of two runs, by an exception, at a site that
/// others free.
model::Verdict telling() {
  test::RecordingBuilder builder;
  builder.recording.run.rerun_scope = model::RerunScope::suspects;
  builder.recording.run.reruns = 1;
  const auto process = builder.process();
  const auto grows =
      builder.stack(test::with_gtest_below({test::app_frame("add_listener", "src/registry.cpp", 7)}));
  for (int i = 0; i < 5; ++i)
    builder.leak(builder.test(process, "Registry.Grows"), grows, 100).kind = Kind::still_reachable;
  const auto flaky =
      builder.stack(test::with_gtest_below({test::app_frame("make_node", "src/list.cpp", 12)}));
  builder.recording.stacks[flaky].freed_by =
      builder.stack({test::app_frame("drop_node", "src/list.cpp", 30)});
  auto& group = builder.leak(builder.test(process, "List.Throws"), flaky, 48);
  group.kind = Kind::definitely_lost;
  group.thrown_after = true;
  builder.recording.processes[builder.process()].rerun = 1;
  builder.test(1, "List.Throws");
  return judge::judge(builder.recording, {});
}

const std::vector<std::string> kTold = {"linear growth: 5 of 5 rounds added to it, 100 bytes a round",
                                        "seen in 1 of 2 runs: flaky", "other blocks from here are freed at",
                                        "drop_node", "an exception was thrown"};

TEST(InsightReports, TellItWhereATestFails) {
  const auto verdict = telling();
  for (const Format format :
       {Format::junit, Format::sarif, Format::markdown, Format::github_summary, Format::github_annotations}) {
    std::string text = render(verdict, format);
    for (std::size_t at; (at = text.find("&#95;")) != std::string::npos;)
      text.replace(at, 5, "_");
    for (std::size_t at; (at = text.find("&#58;")) != std::string::npos;)
      text.replace(at, 5, ":");
    for (const std::string& sentence : kTold)
      EXPECT_THAT(text, HasSubstr(sentence)) << static_cast<int>(format);
  }
  const std::string console = render(verdict, Format::console);
  EXPECT_THAT(console, HasSubstr(kTold[0]));
  EXPECT_THAT(console, HasSubstr(kTold[1]));
}

TEST(InsightReports, AreMembersOfTheResult) {
  const auto result = Json::parse(render_json(telling()));
  const auto schema =
      Json::parse(read_whole(LEAKGATE_SCHEMA_DIR "/leakgate-result-1.schema.json", 1 << 20).value());
  EXPECT_THAT(test::schema_errors(schema, result), ::testing::IsEmpty());
  EXPECT_EQ(result["run"]["rerun"], Json::parse(R"({"what": "suspects", "times": 1})"));
  const auto& last = result["leaks"].back();
  EXPECT_EQ(last["pattern"], "error_path");
  EXPECT_EQ(last["recurrence"], Json::parse(R"({"seen": 1, "runs": 2})"));
  EXPECT_EQ(last["freed_by"][0]["function"], "drop_node");
  EXPECT_FALSE(last.contains("growth"));
  const auto& growth = result["leaks"][4]["growth"];
  EXPECT_EQ(growth["pattern"], "linear");
  EXPECT_EQ(growth["added_bytes"], Json::parse("[100, 100, 100, 100, 100]"));
}

TEST(InsightReports, AgesOfBlocksAreToldWhereTheyDiffer) {
  test::TwoTests builder;
  ConsoleStyle verbose;
  verbose.verbose = true;
  EXPECT_THAT(render_console(builder.verdict(), verbose), Not(HasSubstr("ages: "))) << "not known";
  builder.recording.blocks[0].age_log2_ms = {0, 0, 2};
  EXPECT_THAT(render_console(builder.verdict(), verbose), Not(HasSubstr("ages: "))) << "of one age";
  builder.recording.blocks[0].age_log2_ms = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_THAT(render_console(builder.verdict(), verbose), HasSubstr("ages: 1 under 1 ms, 1 under 2.05 s\n"));
  EXPECT_THAT(render_console(builder.verdict()), Not(HasSubstr("ages: ")));
  EXPECT_THAT(render(builder.verdict(), Format::html),
              HasSubstr("\"ages\": [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]"));
}

TEST(InsightReports, GrowthThatFailsIsNoNoteInSarif) {
  const auto sarif = Json::parse(render_sarif(telling()));
  for (const auto& result : sarif["runs"][0]["results"])
    EXPECT_EQ(result["level"], "error") << result["ruleId"];
}

TEST(InsightReports, ManyReportsWrittenSideBySideAreThoseWrittenAlone) {
  test::RecordingBuilder builder;
  const auto row = builder.test(builder.process(), "S.T");
  const auto shared = builder.stack(test::with_gtest_below({test::app_frame("outer<int&>", "src/g.cpp", 3)}));
  for (std::uint32_t i = 0; i < 6000; ++i) {
    const auto stack = builder.stack({test::app_frame("f" + std::to_string(i), "src/f.cpp", i + 1)});
    auto& frames = builder.recording.stacks[stack].frames;
    const auto& outer = builder.recording.stacks[shared].frames;
    frames.insert(frames.end(), outer.begin(), outer.end());
    builder.leak(row, stack, 10 + i);
  }
  const auto verdict = judge::judge(builder.recording, {});
  std::string folder = (std::filesystem::temp_directory_path() / "leakgate-reports-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::vector<ReportFile> files;
  for (const auto& name : format_names())
    files.push_back({*format_from_name(name), folder + "/" + name});
  ASSERT_TRUE(write_reports(verdict, files));
  for (const auto& file : files)
    EXPECT_TRUE(read_whole(file.path, 1 << 28).value() == render(verdict, file.format)) << file.path;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace leakgate::report

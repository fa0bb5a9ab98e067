// SPDX-License-Identifier: Apache-2.0
// Each further format is parsed back by the rules of whoever reads it, hostile text included.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tinyxml2.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "harness/base/text.h"
#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

model::Verdict hostile_verdict(std::size_t name_bytes = 1 << 20) {
  return judge::judge(test::hostile(name_bytes).recording, {});
}

model::Verdict many(std::size_t leaks) {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  for (std::uint32_t i = 0; i < leaks; ++i)
    builder.leak(builder.test(process, "S.T" + std::to_string(i)),
                 builder.stack({test::app_frame("f" + std::to_string(i), "src/f.cpp", i + 1)}), 10 + i);
  return judge::judge(builder.recording, {});
}

TEST(Formats, NamesLeadBackToFormats) {
  std::set<std::string> names;
  for (const auto& name : format_names()) {
    EXPECT_TRUE(names.insert(name).second);
    ASSERT_TRUE(format_from_name(name)) << name;
  }
  EXPECT_EQ(names.size(), 18u);
  EXPECT_FALSE(format_from_name("pdf"));
}

TEST(Formats, EveryTextIsValidUtf8AndSpeedy) {
  const auto verdict = hostile_verdict();
  for (const auto& name : format_names()) {
    const auto text = render(verdict, *format_from_name(name));
    EXPECT_EQ(repair_utf8(text), text) << name;
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << name;
    EXPECT_EQ(text.find('\x01'), std::string::npos) << name;
    EXPECT_FALSE(text.empty()) << name;
  }
}

TEST(GithubAnnotations, AreTheWorstAndOneLineEach) {
  const auto lines = lines_of(render(many(40), Format::github_annotations));
  ASSERT_EQ(lines.size(), 11u);
  EXPECT_THAT(
      lines[0],
      StartsWith("::error file=src/f.cpp,line=40,endLine=40,title=leak in S.T39::49 bytes in 1 block"));
  EXPECT_EQ(lines[9], "::notice title=leakgate::31 more leaks not shown here, see the reports");
  EXPECT_THAT(lines[10], StartsWith("::notice title=leakgate::fail: 40 of 40 tests leak"));
}

TEST(GithubAnnotations, TextCannotBecomeACommand) {
  for (const auto& line : lines_of(render(hostile_verdict(50), Format::github_annotations))) {
    EXPECT_TRUE(line.starts_with("::error ") || line.starts_with("::notice ")) << line;
    const auto title = line.substr(0, line.find("::", 2));
    EXPECT_EQ(title.find("::", 2), std::string::npos);
  }
}

TEST(Markdown, IsBoundedAndTextIsText) {
  const auto text = render(many(3000), Format::markdown);
  EXPECT_LT(text.size(), 65536u);
  EXPECT_THAT(text, HasSubstr("and 2980 more leaks"));
  EXPECT_LT(render(many(3000), Format::github_summary).size(), 1u << 20);
  const auto hostile = render(hostile_verdict(50), Format::markdown);
  EXPECT_THAT(hostile, Not(HasSubstr("]]>")));
  EXPECT_THAT(hostile, Not(HasSubstr("::error")));
  for (const auto& line : lines_of(hostile)) {
    const bool is_row = line.starts_with("| ");
    EXPECT_TRUE(!is_row || std::count(line.begin(), line.end(), '|') == 6) << line;
  }
}

TEST(CodeQuality, HasWhatGitLabWants) {
  auto builder = test::TwoTests();
  builder.leak(builder.leaky,
               builder.stack({test::app_frame("make_node", "src/list.cpp", 90),
                              test::app_frame("Suite_Leaks_Test::TestBody", "tests/list_test.cpp", 14)}),
               5000);
  const auto list = Json::parse(render(builder.verdict(), Format::code_quality));
  ASSERT_EQ(list.size(), 2u);
  std::set<std::string> fingerprints;
  for (const auto& row : list) {
    EXPECT_TRUE(fingerprints.insert(row["fingerprint"]).second);
    EXPECT_TRUE(
        std::set<std::string>({"info", "minor", "major", "critical", "blocker"}).count(row["severity"]));
    EXPECT_EQ(row["location"]["path"], "src/list.cpp");
    EXPECT_GT(row["location"]["lines"]["begin"], 0);
    EXPECT_FALSE(row["description"].get<std::string>().empty());
  }
  EXPECT_EQ(Json::parse(render(judge::judge(test::RecordingBuilder().recording, {}), Format::code_quality)),
            Json::array());
  EXPECT_EQ(Json::parse(render(hostile_verdict(), Format::code_quality)).size(), 1u);
}

TEST(OpenMetrics, FollowsTheGrammar) {
  for (const auto& verdict : {many(300), hostile_verdict(50)}) {
    const auto text = render(verdict, Format::openmetrics);
    const auto lines = lines_of(text);
    EXPECT_EQ(lines.back(), "# EOF");
    EXPECT_TRUE(text.ends_with("# EOF\n"));
    std::string family, type;
    std::set<std::string> families, samples;
    const std::regex sample(R"re(([a-z_]+)(\{[a-z]+="([^"\\]|\\.)*"\})? [0-9]+)re");
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
      std::smatch match;
      if (lines[i].starts_with("# TYPE ")) {
        std::istringstream words(lines[i].substr(7));
        words >> family >> type;
        EXPECT_TRUE(families.insert(family).second) << "families stand together: " << family;
      } else if (lines[i].starts_with("# UNIT ")) {
        EXPECT_TRUE(family.ends_with("_" + lines[i].substr(lines[i].rfind(' ') + 1)));
      } else if (!lines[i].starts_with("# HELP ")) {
        ASSERT_TRUE(std::regex_match(lines[i], match, sample)) << lines[i];
        EXPECT_EQ(match[1], type == "counter" ? family + "_total" : family);
        EXPECT_TRUE(samples.insert(lines[i].substr(0, lines[i].rfind(' '))).second) << lines[i];
      }
    }
    EXPECT_LE(samples.size(), 220u);
  }
}

TEST(OpenMetrics, SumsUpTestsOfOneName) {
  test::TwoTests builder;
  const auto other = builder.process(model::ProcessRole::judged, {0, {}}, "/home/dev/app/build/others");
  builder.leak(builder.test(builder.main_process, "Suite.Leaks"), builder.site, 30);  // its second round
  builder.leak(builder.test(other, "Suite.Leaks"), builder.site, 22);
  builder.leak(builder.clean, builder.site, 60);
  EXPECT_THAT(render(builder.verdict(), Format::openmetrics),
              HasSubstr("leakgate_test_leaked_bytes{test=\"Suite.Leaks\"} 100\n"
                        "leakgate_test_leaked_bytes{test=\"Suite.Clean\"} 60\n"));
}

TEST(ValgrindXml, HasProtocolFoursOrder) {
  tinyxml2::XMLDocument document;
  const auto text = render(test::TwoTests().verdict(), Format::valgrind_xml);
  ASSERT_EQ(document.Parse(text.c_str()), tinyxml2::XML_SUCCESS);
  const auto* root = document.RootElement();
  EXPECT_STREQ(root->Name(), "valgrindoutput");
  std::vector<std::string> order;
  for (const auto* child = root->FirstChildElement(); child != nullptr; child = child->NextSiblingElement())
    order.emplace_back(child->Name());
  EXPECT_EQ(order,
            (std::vector<std::string>{"protocolversion", "protocoltool", "preamble", "pid", "ppid", "tool",
                                      "args", "status", "status", "error", "errorcounts", "suppcounts"}));
  EXPECT_STREQ(root->FirstChildElement("protocolversion")->GetText(), "4");
  const auto* error = root->FirstChildElement("error");
  EXPECT_STREQ(error->FirstChildElement("kind")->GetText(), "Leak_PossiblyLost");
  EXPECT_STREQ(error->FirstChildElement("xwhat")->FirstChildElement("leakedbytes")->GetText(), "48");
  const auto* frame = error->FirstChildElement("stack")->FirstChildElement("frame");
  EXPECT_STREQ(frame->FirstChildElement("fn")->GetText(), "make_node");
  EXPECT_STREQ(frame->FirstChildElement("dir")->GetText(), "/home/dev/app/src");
  EXPECT_STREQ(frame->FirstChildElement("file")->GetText(), "list.cpp");
  EXPECT_STREQ(frame->FirstChildElement("line")->GetText(), "12");
  const auto hostile = render(hostile_verdict(), Format::valgrind_xml);
  EXPECT_EQ(document.Parse(hostile.data(), hostile.size()), tinyxml2::XML_SUCCESS);
}

TEST(Collapsed, IsOneStackPerLineWithANumber) {
  for (const auto& verdict : {many(20), hostile_verdict(50)})
    for (const auto& line : lines_of(render(verdict, Format::collapsed)))
      EXPECT_TRUE(std::regex_match(line, std::regex("[^;]+(;[^;]+)* [0-9]+"))) << line;
  EXPECT_THAT(render(test::TwoTests().verdict(), Format::collapsed),
              HasSubstr("unit_tests;Suite.Leaks;_start;"));
}

TEST(HeatMap, CountsSelfAndTotal) {
  const auto map = Json::parse(render(test::TwoTests().verdict(), Format::heat_map));
  EXPECT_EQ(map["schema"], "leakgate-heat-map/1");
  EXPECT_EQ(map["functions"][0]["name"], "make_node");
  EXPECT_EQ(map["functions"][0]["self_bytes"], 48);
  EXPECT_EQ(map["files"][0]["name"], "src/list.cpp");
  const auto main = std::find_if(map["functions"].begin(), map["functions"].end(),
                                 [](const Json& row) { return row["name"] == "main"; });
  ASSERT_NE(main, map["functions"].end());
  EXPECT_EQ((*main)["self_bytes"], 0);
  EXPECT_EQ((*main)["total_bytes"], 48);
}

TEST(ProblemMatcher, IsReadByVsCodesGccPattern) {
  const std::regex gcc(R"(^(.*):(\d+):(\d+):\s+(warning|error):\s+(.*)$)");
  for (const auto& verdict : {test::TwoTests().verdict(), hostile_verdict(50)})
    for (const auto& line : lines_of(render(verdict, Format::problem_matcher)))
      EXPECT_TRUE(std::regex_match(line, gcc)) << line;
}

TEST(Gdb, StopsAtTheSiteAndRunsNothingElse) {
  EXPECT_THAT(render(test::TwoTests().verdict(), Format::gdb),
              HasSubstr("break -source \"/home/dev/app/src/list.cpp\" -line 12\ncommands\n"));
  for (const auto& line : lines_of(render(hostile_verdict(50), Format::gdb))) {
    const bool known = line.empty() || line.starts_with("#") || line.starts_with("set ") ||
                       line.starts_with("break ") || line.starts_with("echo \\nleakgate: ") ||
                       line == "commands" || line == "silent" || line == "backtrace 16" || line == "end" ||
                       line == "run";
    EXPECT_TRUE(known) << line;
  }
}

TEST(SarifFull, SaysWhatBecameOfEachLeak) {
  test::TwoTests builder;
  judge::Policy policy;
  policy.rules.min_size_bytes = 1000;
  const auto verdict = builder.verdict(policy);
  EXPECT_EQ(Json::parse(render(verdict, Format::sarif))["runs"][0]["results"].size(), 0u);
  const auto full = Json::parse(render(verdict, Format::sarif_full))["runs"][0]["results"];
  ASSERT_EQ(full.size(), 1u);
  EXPECT_EQ(full[0]["suppressions"][0]["kind"], "external");
  EXPECT_FALSE(full[0].contains("baselineState"));
  policy = {};
  policy.baseline = judge::Baseline{{}, "b.json"};
  EXPECT_EQ(Json::parse(render(builder.verdict(policy),
                               Format::sarif_full))["runs"][0]["results"][0]["baselineState"],
            "new");
}

TEST(Html, IsOneFileWhoseDataCannotEndItsElement) {
  for (const auto& verdict : {test::TwoTests().verdict(), hostile_verdict()}) {
    const auto page = render(verdict, Format::html);
    const std::string open = "<script type=\"application/json\" id=\"data\">";
    const auto begin = page.find(open) + open.size();
    const auto data = page.substr(begin, page.find("</script>", begin) - begin);
    EXPECT_EQ(data.find('<'), std::string::npos);
    const auto json = Json::parse(data);
    EXPECT_EQ(json["leaks"].size(), 1u);
    for (const auto& number : json["leaks"][0]["stack"])
      EXPECT_LT(number.get<std::size_t>(), json["frames"].size());
    EXPECT_EQ(page.find("{{"), std::string::npos);
    EXPECT_EQ(page.find("http://"), std::string::npos);
    EXPECT_EQ(page.find("https://"), std::string::npos);
  }
  EXPECT_EQ(render(many(21000), Format::html).find("\"leaks_left_out\":1000,") == std::string::npos &&
                render(many(21000), Format::html).find("\"leaks_left_out\": 1000,") == std::string::npos,
            false);
}

}  // namespace
}  // namespace leakgate::report

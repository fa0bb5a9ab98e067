// SPDX-License-Identifier: Apache-2.0
// The example binaries (GoogleTest, Catch2, plain C; three sets of compiler options each) against what the
// markers in their sources say: exactly the leaking tests named, blocks, bytes, function, file and line.
#include <gmock/gmock.h>
#include <tinyxml2.h>

#include <set>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;

std::string example_path(std::string_view name) {
  return std::string(LEAKGATE_EXAMPLES) + "/" + std::string(name);
}

std::string fact(const Json& test, const Json& file, const Json& line, const Json& blocks,
                 const Json& bytes) {
  return test.get<std::string>() + " " + file.get<std::string>() + ":" + line.dump() + " " + blocks.dump() +
         "/" + bytes.dump();
}

std::vector<std::string> expected_facts(const std::string& binary) {
  std::vector<std::string> facts;
  for (const Json& row : Json::parse(read_file(binary + ".expected.json")))
    facts.push_back(fact(row["test"], row["file"], row["line"], row["blocks"], row["bytes"]));
  return facts;
}

std::vector<std::string> reported_facts(const Traced& traced) {
  std::vector<std::string> facts;
  for (const Json& leak : traced.result["leaks"]) {
    if (leak["verdict"] != "fail") continue;
    const Json site = site_of(leak);
    facts.push_back(site.is_null()
                        ? "no site: " + leak.dump()
                        : fact(leak["test"], site["file"], site["line"], leak["blocks"], leak["bytes"]));
  }
  return facts;
}

std::set<std::string> tests_with_verdict(const Traced& traced, std::string_view verdict) {
  std::set<std::string> ids;
  for (const Json& test : traced.result["tests"])
    if (test["verdict"] == verdict) ids.insert(test["id"].get<std::string>());
  return ids;
}

/// Names of the JUnit test cases that have a <failure>.
std::set<std::string> junit_failures(const std::filesystem::path& path) {
  std::set<std::string> names;
  tinyxml2::XMLDocument document;
  EXPECT_EQ(document.LoadFile(path.c_str()), tinyxml2::XML_SUCCESS);
  const auto visit = [&](const auto& self, const tinyxml2::XMLElement* element) -> void {
    for (; element != nullptr; element = element->NextSiblingElement()) {
      if (std::string_view(element->Name()) == "testcase" && element->FirstChildElement("failure") != nullptr)
        names.insert(element->Attribute("name"));
      self(self, element->FirstChildElement());
    }
  };
  visit(visit, document.RootElement());
  return names;
}

class Example : public Live, public testing::WithParamInterface<const char*> {};

TEST_P(Example, ReportsSayWhatTheMarkersSay) {
  const std::string binary = example_path(GetParam());
  const auto junit = scratch_ / "report.xml";
  const auto sarif = scratch_ / "report.sarif";
  const Traced traced =
      trace(scratch_, {.command = {binary}, .options = {"--junit", junit, "--sarif", sarif}});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["exit"], (Json{{"code", 0}}));

  const auto expected = expected_facts(binary);
  EXPECT_THAT(reported_facts(traced), testing::UnorderedElementsAreArray(expected));
  std::set<std::string> leaking;
  for (const Json& row : Json::parse(read_file(binary + ".expected.json")))
    leaking.insert(row["test"].get<std::string>());
  EXPECT_EQ(tests_with_verdict(traced, "leak"), leaking);
  const std::size_t tests = std::string_view(GetParam()).find("plain_c") == std::string_view::npos ? 5 : 0;
  auto clean = tests_with_verdict(traced, "clean");
  clean.erase("(outside tests)");
  EXPECT_GE(clean.size(), tests);

  EXPECT_EQ(junit_failures(junit).size(), leaking.size());
  const Json log = Json::parse(read_file(sarif), nullptr, false);
  ASSERT_TRUE(log.is_object());
  EXPECT_GE(log["runs"][0]["results"].size(), expected.size());
  // The last line is the one to grep for.
  const std::string& said = traced.program.err;
  const auto last = said.rfind('\n', said.size() - 2);
  EXPECT_THAT(said.substr(last + 1), testing::StartsWith("leakgate: fail: "));
}

INSTANTIATE_TEST_SUITE_P(Binaries, Example,
                         testing::Values("example_gtest_minimal", "example_gtest_minimal_o2fp",
                                         "example_gtest_minimal_o2", "example_catch2_minimal",
                                         "example_catch2_minimal_o2fp", "example_catch2_minimal_o2",
                                         "example_plain_c", "example_plain_c_o2fp", "example_plain_c_o2"),
                         [](const auto& binary) { return std::string(binary.param); });

}  // namespace
}  // namespace leakgate::live

// SPDX-License-Identifier: Apache-2.0
// JUnit XML parsed back: counts, names, what readers look for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tinyxml2.h>

#include "harness/base/text.h"
#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using tinyxml2::XMLElement;

struct Parsed {
  explicit Parsed(const model::Verdict& verdict) : text(render_junit(verdict)) {
    EXPECT_EQ(document.Parse(text.c_str(), text.size()), tinyxml2::XML_SUCCESS);
    root = document.RootElement();
  }
  [[nodiscard]] const XMLElement* test_case(const std::string& name) const {
    for (auto* suite = root->FirstChildElement("testsuite"); suite != nullptr;
         suite = suite->NextSiblingElement("testsuite"))
      for (auto* one = suite->FirstChildElement("testcase"); one != nullptr;
           one = one->NextSiblingElement("testcase"))
        if (one->Attribute("name", name.c_str()) != nullptr) return one;
    return nullptr;
  }
  /// Elements named `name` inside all test cases.
  [[nodiscard]] int count(const char* name) const {
    int result = 0;
    for (auto* suite = root->FirstChildElement("testsuite"); suite != nullptr;
         suite = suite->NextSiblingElement("testsuite"))
      for (auto* one = suite->FirstChildElement("testcase"); one != nullptr;
           one = one->NextSiblingElement("testcase"))
        for (auto* child = one->FirstChildElement(name); child != nullptr;
             child = child->NextSiblingElement(name))
          ++result;
    return result;
  }
  std::string text;
  tinyxml2::XMLDocument document;
  const XMLElement* root = nullptr;
};

TEST(JunitReport, ALeakIsAFailureInTheTestsOwnCase) {
  const Parsed xml(test::TwoTests().verdict());
  EXPECT_STREQ(xml.root->Name(), "testsuites");
  EXPECT_EQ(xml.root->IntAttribute("tests"), 2);
  EXPECT_EQ(xml.root->IntAttribute("failures"), 1);
  const auto* leaky = xml.test_case("Leaks");
  ASSERT_NE(leaky, nullptr);
  EXPECT_STREQ(leaky->Attribute("classname"), "Suite");
  EXPECT_STREQ(leaky->Attribute("file"), "tests/list_test.cpp");
  const auto* failure = leaky->FirstChildElement("failure");
  ASSERT_NE(failure, nullptr);
  EXPECT_STREQ(failure->Attribute("type"), "unclassified");
  EXPECT_THAT(failure->Attribute("message"), HasSubstr("48 bytes in 2 blocks"));
  EXPECT_THAT(failure->GetText(), StartsWith("at make_node (src/list.cpp:12)\n"));
  const auto* clean = xml.test_case("Clean");
  ASSERT_NE(clean, nullptr);
  EXPECT_EQ(clean->FirstChildElement(), nullptr);
}

TEST(JunitReport, AnIncompleteRunIsAnErrorOfItsOwn) {
  test::TwoTests builder;
  builder.recording.tests[builder.clean].complete = false;
  const Parsed xml(builder.verdict());
  EXPECT_EQ(xml.root->IntAttribute("errors"), 2);
  EXPECT_EQ(xml.count("error"), 2);
  ASSERT_NE(xml.test_case("the run is complete"), nullptr);
  EXPECT_STREQ(xml.test_case("Clean")->FirstChildElement("error")->Attribute("type"), "incomplete");
}

TEST(JunitReport, SkippedAndCrashedTestsAreMarked) {
  test::TwoTests builder;
  builder.recording.tests[builder.clean].outcome = model::Outcome::skipped;
  builder.recording.tests[builder.test(builder.main_process, "Suite.Dies")].outcome = model::Outcome::crashed;
  const Parsed xml(builder.verdict());
  EXPECT_EQ(xml.count("skipped"), 1);
  EXPECT_EQ(xml.root->IntAttribute("skipped"), 1);
  EXPECT_STREQ(xml.test_case("Dies")->FirstChildElement("error")->Attribute("type"), "crashed");
}

TEST(JunitReport, RepeatedNamesAreMadeUnique) {
  test::TwoTests builder;
  builder.test(builder.main_process, "Suite.Clean");
  const Parsed xml(builder.verdict());
  EXPECT_NE(xml.test_case("Clean"), nullptr);
  EXPECT_NE(xml.test_case("Clean #2"), nullptr);
}

/// Programs that run at once end in any order.
TEST(JunitReport, NumbersOfRepeatedNamesGoByProgramAndArguments) {
  for (const bool turned : {false, true}) {
    test::RecordingBuilder builder;
    std::uint32_t process[3];
    for (const int which : turned ? std::vector<int>{2, 1, 0} : std::vector<int>{0, 1, 2}) {
      process[which] =
          builder.process(model::ProcessRole::judged, {0, {}}, which == 0 ? "/b/alpha" : "/b/beta");
      builder.recording.processes[process[which]].args = {"x", std::to_string(which)};
      const auto test = builder.test(process[which], "A.Basic");
      builder.recording.tests[test].line = static_cast<std::uint32_t>(which + 1);
    }
    const Parsed xml(judge::judge(builder.recording, {}));
    EXPECT_EQ(xml.test_case("Basic")->IntAttribute("line"), 1);
    EXPECT_EQ(xml.test_case("Basic #2")->IntAttribute("line"), 2);
    EXPECT_EQ(xml.test_case("Basic #3")->IntAttribute("line"), 3);
    EXPECT_STREQ(xml.root->FirstChildElement("testsuite")->Attribute("name"), "alpha");
  }
}

TEST(JunitReport, NamesAreThoseOfTheFrameworksOwnXml) {
  test::TwoTests builder;
  builder.test(builder.main_process, "Inst/Param.Case/0");
  builder.test(builder.main_process, "a list. with dots", model::Framework::catch2);
  const Parsed xml(builder.verdict());
  EXPECT_STREQ(xml.test_case("Case/0")->Attribute("classname"), "Inst/Param");
  EXPECT_STREQ(xml.test_case("a list. with dots")->Attribute("classname"), "unit_tests.global");
}

TEST(JunitReport, OutsideTestsAppearOnlyWhenTheyLeak) {
  test::TwoTests builder;
  const auto outside = builder.outside(builder.main_process);
  EXPECT_EQ(Parsed(builder.verdict()).test_case("(outside tests)"), nullptr);
  builder.leak(outside, builder.site, 8);
  EXPECT_NE(Parsed(builder.verdict()).test_case("(outside tests)"), nullptr);
}

TEST(JunitReport, CountsAgreeWithWhatIsThere) {
  test::TwoTests builder;
  builder.recording.tests[builder.test(builder.main_process, "Suite.Hangs")].complete = false;
  builder.recording.tests[builder.test(builder.main_process, "Suite.Skips")].outcome =
      model::Outcome::skipped;
  const Parsed xml(builder.verdict());
  int tests = 0;
  for (auto* suite = xml.root->FirstChildElement("testsuite"); suite != nullptr;
       suite = suite->NextSiblingElement("testsuite")) {
    int cases = 0;
    for (auto* one = suite->FirstChildElement("testcase"); one != nullptr;
         one = one->NextSiblingElement("testcase"))
      ++cases;
    EXPECT_EQ(suite->IntAttribute("tests"), cases);
    tests += cases;
  }
  EXPECT_EQ(xml.root->IntAttribute("tests"), tests);
  EXPECT_EQ(xml.root->IntAttribute("failures"), xml.count("failure"));
  EXPECT_EQ(xml.root->IntAttribute("errors"), xml.count("error"));
  EXPECT_EQ(xml.root->IntAttribute("skipped"), xml.count("skipped"));
}

TEST(JunitReport, HostileTextStaysValidXml) {
  const Parsed xml(judge::judge(test::hostile().recording, {}));
  EXPECT_EQ(xml.text.find("]]>"), std::string::npos);
  EXPECT_EQ(xml.text, xml_text(xml.text));
  EXPECT_LT(xml.text.size(), 100000u) << "names of 1 MB are cut";
}

TEST(JunitReport, ManyLeaksOfOneTestAreBounded) {
  test::TwoTests builder;
  for (std::uint32_t line = 1; line <= 200; ++line)
    builder.leak(builder.leaky, builder.stack({test::app_frame("f", "src/f.cpp", line)}), line);
  const Parsed xml(builder.verdict());
  EXPECT_EQ(xml.count("failure"), 1);
  EXPECT_THAT(xml.test_case("Leaks")->FirstChildElement("failure")->GetText(),
              HasSubstr("and 151 more leaks"));
}

}  // namespace
}  // namespace leakgate::report

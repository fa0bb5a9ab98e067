// SPDX-License-Identifier: Apache-2.0
// Merging with the XML that GoogleTest, Catch2 and ctest write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tinyxml2.h>

#include <algorithm>

#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using ::testing::HasSubstr;

struct Merged {
  explicit Merged(const model::Verdict& verdict, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& paths = {}) {
    JunitInputs merge;
    for (const auto& input : inputs) {
      const std::size_t index = merge.documents.size();
      auto read = parse_junit(input, index < paths.size() ? paths[index] : "f");
      EXPECT_TRUE(read) << read.error().message;
      if (read) merge.documents.push_back(*read);
    }
    write_merged_junit(verdict, merge, [&](std::string_view piece) { text += piece; });
    EXPECT_EQ(document.Parse(text.data(), text.size()), tinyxml2::XML_SUCCESS);
  }
  /// The test case of this name; nullptr if there is none or more than one.
  const tinyxml2::XMLElement* find(const std::string& name) {
    const tinyxml2::XMLElement* found = nullptr;
    for (const auto* suite = document.RootElement()->FirstChildElement(); suite;
         suite = suite->NextSiblingElement())
      for (const auto* one = suite->FirstChildElement("testcase"); one;
           one = one->NextSiblingElement("testcase"))
        if (name == one->Attribute("name")) {
          if (found != nullptr) return nullptr;
          found = one;
        }
    return found;
  }
  tinyxml2::XMLDocument document;
  std::string text;
};

const char* const kGtest = R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" disabled="0" errors="0" time="0.1" name="AllTests">
  <testsuite name="Suite" tests="3" failures="1" disabled="0" skipped="0" errors="0" time="0.1">
    <testcase name="Leaks" file="a.cpp" line="3" status="run" result="completed" time="0.1" classname="Suite">
      <properties><property name="key" value="v"/></properties>
      <system-out>said</system-out>
    </testcase>
    <testcase name="Clean" status="run" result="completed" classname="Suite"/>
    <testcase name="Broken" status="run" classname="Suite"><failure message="x" type=""><![CDATA[a ]]]]><![CDATA[> b]]></failure></testcase>
  </testsuite>
</testsuites>)";

TEST(JunitMerge, WhatOthersTookIsAdded) {
  const auto time = [](const std::string& document) {
    return std::string(
        Merged(test::TwoTests().verdict(), {document}).document.RootElement()->Attribute("time"));
  };
  const double alone = std::stod(time("<testsuites/>"));
  EXPECT_NEAR(
      std::stod(time("<testsuites><testsuite time=\"2.5\"><testcase time=\"9\"/></testsuite></testsuites>")),
      alone + 2.5, 1e-4);
  EXPECT_NEAR(std::stod(time("<testsuite><testcase time=\"1\"/><testcase time=\"0.5\"/></testsuite>")),
              alone + 1.5, 1e-4);
  EXPECT_NEAR(std::stod(time("<testsuite time=\"0\"><testcase time=\"0.25\"/></testsuite>")), alone + 0.25,
              1e-4)
      << "as ctest has it";
  for (const char* nonsense : {"-1", "nan", "inf", "1e300", "x"})
    EXPECT_NEAR(std::stod(time(std::string("<testsuite time=\"") + nonsense + "\"/>")), alone, 1e-4)
        << nonsense;
}

TEST(JunitMerge, AGoogleTestCaseGetsItsLeakAndKeepsTheRest) {
  Merged merged(test::TwoTests().verdict(), {kGtest});
  const auto* leaks = merged.find("Leaks");
  ASSERT_NE(leaks, nullptr) << "once, not twice";
  ASSERT_NE(leaks->FirstChildElement("failure"), nullptr);
  EXPECT_THAT(leaks->FirstChildElement("failure")->Attribute("message"), HasSubstr("48 bytes in 2 blocks"));
  EXPECT_STREQ(leaks->FirstChildElement("system-out")->GetText(), "said");
  EXPECT_STREQ(leaks->FirstChildElement("failure")->NextSiblingElement()->Name(), "system-out");
  EXPECT_STREQ(leaks->FirstChildElement()->Name(), "properties");
  EXPECT_STREQ(leaks->Attribute("file"), "a.cpp") << "GoogleTest's own";
  ASSERT_NE(merged.find("Clean"), nullptr);
  EXPECT_EQ(merged.find("Clean")->FirstChildElement("failure"), nullptr);
  EXPECT_STREQ(merged.find("Broken")->FirstChildElement("failure")->GetText(), "a ]]> b");
  const auto* root = merged.document.RootElement();
  EXPECT_EQ(root->IntAttribute("tests"), 3);
  EXPECT_EQ(root->IntAttribute("failures"), 2);
  EXPECT_EQ(root->FirstChildElement("testsuite")->IntAttribute("failures"), 2);
}

/// Jenkins shows a test case that is skipped and fails as skipped, and the leak would be seen by nobody.
TEST(JunitMerge, ASkippedTestThatLeaksIsNotSkippedAnyMore) {
  test::TwoTests builder;
  builder.recording.tests[builder.leaky].outcome = model::Outcome::skipped;
  Merged merged(builder.verdict(),
                {R"(<testsuites skipped="2" failures="0"><testsuite skipped="2" failures="0">
      <testcase name="Leaks" classname="Suite" status="run" result="skipped"><skipped message="a.cpp:3"/></testcase>
      <testcase name="Clean" classname="Suite" status="run" result="skipped"><skipped message="b"/></testcase>
      </testsuite></testsuites>)"});
  const auto* leaks = merged.find("Leaks");
  EXPECT_EQ(leaks->FirstChildElement("skipped"), nullptr);
  EXPECT_NE(leaks->FirstChildElement("failure"), nullptr);
  EXPECT_STREQ(leaks->Attribute("result"), "completed");
  EXPECT_NE(merged.find("Clean")->FirstChildElement("skipped"), nullptr);
  const auto* root = merged.document.RootElement();
  for (const auto* counted : {root, root->FirstChildElement("testsuite")}) {
    EXPECT_EQ(counted->IntAttribute("skipped"), 1);
    EXPECT_EQ(counted->IntAttribute("failures"), 1);
  }
}

/// As without a merge; an XML that a listener wrote, say, has the test without its end.
TEST(JunitMerge, ATestThatCrashedIsInErrorUnlessItsXmlSaysSo) {
  test::TwoTests builder;
  for (const char* name : {"Suite.Dies", "Suite.Broken"})
    builder.recording.tests[builder.test(builder.main_process, name)].outcome = model::Outcome::crashed;
  Merged merged(builder.verdict(), {R"(<testsuites errors="0" failures="1"><testsuite errors="0" failures="1">
      <testcase name="Dies" classname="Suite"><system-out>said</system-out></testcase>
      <testcase name="Broken" classname="Suite"><failure message="x"/></testcase></testsuite></testsuites>)"});
  const auto* error = merged.find("Dies")->FirstChildElement("error");
  ASSERT_NE(error, nullptr);
  EXPECT_STREQ(error->Attribute("type"), "crashed");
  EXPECT_STREQ(error->NextSiblingElement()->Name(), "system-out");
  EXPECT_EQ(merged.find("Broken")->FirstChildElement("error"), nullptr) << "it is red already";
  EXPECT_EQ(merged.document.RootElement()->IntAttribute("errors"), 1);
  EXPECT_EQ(merged.document.RootElement()->FirstChildElement("testsuite")->IntAttribute("errors"), 1);
}

/// Two programs with a test A.Basic each; the one of beta leaks.
struct TwoPrograms : test::RecordingBuilder {
  TwoPrograms() {
    test(alpha, "A.Basic");
    leak(test(beta, "A.Basic"), stack({test::app_frame("f", "src/f.cpp", 1)}), 8);
  }
  std::uint32_t alpha = process(model::ProcessRole::judged, {0, {}}, "/b/alpha");
  std::uint32_t beta = process(model::ProcessRole::judged, {0, {}}, "/b/beta");
  /// Names of the suites that have a failing test case, and those cases' names, whichever file comes first.
  [[nodiscard]] std::string failing(std::vector<std::string> documents,
                                    std::vector<std::string> paths = {"f", "f"}) const {
    std::string found;
    for (int turn = 0; turn < 2; ++turn) {
      const Merged merged(judge::judge(recording, {}), documents, paths);
      std::string now;
      const auto* suite = merged.document.RootElement()->FirstChildElement("testsuite");
      for (; suite != nullptr; suite = suite->NextSiblingElement("testsuite"))
        for (const auto* one = suite->FirstChildElement("testcase"); one != nullptr;
             one = one->NextSiblingElement("testcase"))
          if (one->FirstChildElement("failure") != nullptr)
            now += std::string(suite->Attribute("name")) + ":" + one->Attribute("name") + ";";
      EXPECT_TRUE(turn == 0 || now == found) << "the order of the files decides: " << found << " " << now;
      found = now;
      std::reverse(documents.begin(), documents.end());
      std::reverse(paths.begin(), paths.end());
    }
    return found;
  }
  static std::string document(const std::string& suite, const std::vector<std::string>& names) {
    std::string text = "<testsuite name=\"" + suite + "\">";
    for (const auto& name : names)
      text += "<testcase classname=\"A\" name=\"" + name + "\"/>";
    return text + "</testsuite>";
  }
};

TEST(JunitMerge, AProgramsOwnFileIsTheOneItsArgumentsName) {
  TwoPrograms builder;
  builder.recording.processes[builder.alpha].args = {"alpha", "--gtest_output=xml:out/x.xml"};
  builder.recording.processes[builder.beta].args = {"beta", "--gtest_output=xml:out/y.xml"};
  EXPECT_EQ(builder.failing({builder.document("x", {"Basic"}), builder.document("y", {"Basic"})},
                            {"out/x.xml", "out/y.xml"}),
            "y:Basic;");
  builder.recording.processes[builder.alpha].args[1] = "--gtest_output=xml:/home/dev/a/r.xml";
  builder.recording.processes[builder.beta].args[1] = "--gtest_output=xml:/home/dev/b/r.xml";
  EXPECT_EQ(builder.failing({builder.document("x", {"Basic"}), builder.document("y", {"Basic"})},
                            {"a/r.xml", "b/r.xml"}),
            "y:Basic;");
}

TEST(JunitMerge, OrTheOneThatIsNamedLikeIt) {
  const TwoPrograms builder;
  EXPECT_EQ(builder.failing({builder.document("x", {"Basic"}), builder.document("y", {"Basic"})},
                            {"out/alpha.xml", "out/beta_1.xml"}),
            "y:Basic;");
}

TEST(JunitMerge, OrTheOneThatHasItsTests) {
  TwoPrograms builder;
  builder.test(builder.beta, "A.Other");
  EXPECT_EQ(builder.failing({builder.document("x", {"Basic"}), builder.document("y", {"Basic", "Other"})}),
            "y:Basic;");
}

TEST(JunitMerge, WhatMayBeAnothersGetsATestCaseOfItsOwn) {
  const TwoPrograms builder;
  EXPECT_EQ(builder.failing({builder.document("x", {"Basic"}), builder.document("y", {"Basic"})}),
            "beta:Basic #3;");
  EXPECT_EQ(builder.failing({builder.document("x", {"Basic", "Basic"})}, {"f"}), "beta:Basic #3;");
  EXPECT_EQ(builder.failing({builder.document("x", {"Basic"})}, {"f"}), "beta:Basic #2;");
}

/// A hostile file costs no more than the time to read it.
TEST(JunitMerge, WhatHasTooManyPlacesStaysOurs) {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  std::string document = "<testsuite>";
  for (int i = 0; i < 1100; ++i) {
    builder.test(process, "A.Basic");
    document += "<testcase name=\"" + std::to_string(i) + ".A.Basic\"/>";
  }
  const Merged merged(judge::judge(builder.recording, {}), {document + "</testsuite>"});
  EXPECT_EQ(merged.document.RootElement()->IntAttribute("tests"), 2200);
}

TEST(JunitMerge, CtestsPrefixMayBeTheProgram) {
  const TwoPrograms builder;
  EXPECT_EQ(builder.failing({R"(<testsuite name="c"><testcase name="beta.A.Basic" classname="beta.A.Basic"/>
                                 <testcase name="alpha.A.Basic" classname="alpha.A.Basic"/></testsuite>)"},
                            {"f"}),
            "c:beta.A.Basic;");
}

TEST(JunitMerge, Catch2SectionsAreTheirTestCases) {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  const auto leaky = builder.test(process, "lists / grow", model::Framework::catch2);
  builder.leak(leaky, builder.stack({test::app_frame("f", "src/f.cpp", 1)}), 8);
  builder.recording.tests[leaky].file = "/home/dev/app/tests/lists.cpp";
  builder.recording.tests[leaky].line = 7;
  Merged merged(judge::judge(builder.recording, {}),
                {R"(<testsuites><testsuite name="unit_tests" errors="0" failures="0" tests="2">
      <testcase classname="unit_tests.global" name="lists / grow/by one" time="0"/>
      <testcase classname="unit_tests.global" name="lists / grow/by two" time="0"/></testsuite></testsuites>)"});
  EXPECT_NE(merged.find("lists / grow/by one")->FirstChildElement("failure"), nullptr);
  EXPECT_EQ(merged.find("lists / grow/by two")->FirstChildElement("failure"), nullptr);
  EXPECT_EQ(merged.find("lists / grow"), nullptr);
  EXPECT_STREQ(merged.find("lists / grow/by one")->Attribute("file"), "tests/lists.cpp")
      << "Catch2 does not say";
  EXPECT_EQ(merged.find("lists / grow/by one")->IntAttribute("line"), 7);
}

TEST(JunitMerge, CtestsRowsAreFoundByIdBehindAPrefix) {
  Merged merged(test::TwoTests().verdict(),
                {R"(<testsuite name="Linux-c++" tests="2" failures="0" disabled="0" skipped="0">
      <testcase name="unit.Suite.Leaks" classname="unit.Suite.Leaks" time="0.1" status="run"><properties/><system-out>o</system-out></testcase>
      <testcase name="other" classname="other" time="0.1" status="run"/></testsuite>)"});
  const auto* leaks = merged.find("unit.Suite.Leaks");
  ASSERT_NE(leaks, nullptr);
  EXPECT_NE(leaks->FirstChildElement("failure"), nullptr);
  EXPECT_STREQ(leaks->Attribute("status"), "fail");
  EXPECT_STREQ(merged.document.RootElement()->Name(), "testsuites");
  EXPECT_NE(merged.find("Clean"), nullptr) << "what ctest does not know is in our own suite";
  EXPECT_EQ(merged.document.RootElement()->IntAttribute("tests"), 3);
}

TEST(JunitMerge, HostileInputIsRefusedOrMadeSafe) {
  const std::vector<std::string> texts = {"", "<", "<a/>", "<testsuite>", "not xml", std::string("\0\0", 2)};
  for (const std::string& text : texts)
    EXPECT_FALSE(parse_junit(text, "f")) << text;
  std::string deep;
  for (int i = 0; i < 100000; ++i)
    deep += "<testsuite>";
  EXPECT_FALSE(parse_junit(deep, "f"));
  Merged merged(test::TwoTests().verdict(),
                {"<testsuite name=\"&#1;\xff\"><testcase name=\"&#27;[2J\" "
                 "classname=\"]]>\"><failure>&#2;\x1b]]&gt;</failure></testcase></testsuite>"});
  for (const char c : {'\x01', '\x02', '\x1b'})
    EXPECT_EQ(merged.text.find(c), std::string::npos);
  EXPECT_EQ(merged.text.find("\xff"), std::string::npos);
}

TEST(JunitMerge, ALongNameIsNotTakenToPieces) {
  std::string name;
  for (int i = 0; i < 1'000'000; ++i)
    name += "a.";
  const Merged merged(test::TwoTests().verdict(), {"<testsuite name=\"s\"><testcase name=\"" + name +
                                                   "\" classname=\"c\"/></testsuite>"});
  EXPECT_NE(merged.text.find(name), std::string::npos) << "after minutes, when each piece was looked up";
}

}  // namespace
}  // namespace leakgate::report

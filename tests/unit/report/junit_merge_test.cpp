// SPDX-License-Identifier: Apache-2.0
// Merging with the XML that GoogleTest, Catch2 and ctest write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tinyxml2.h>

#include "harness/report/report.h"
#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using ::testing::HasSubstr;

struct Merged {
  explicit Merged(const model::Verdict& verdict, const std::vector<std::string>& inputs) {
    JunitInputs merge;
    for (const auto& input : inputs) {
      auto read = parse_junit(input, "f");
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

}  // namespace
}  // namespace leakgate::report

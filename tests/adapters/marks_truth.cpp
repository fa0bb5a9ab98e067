// SPDX-License-Identifier: Apache-2.0
// Reading the frameworks' XML with tinyxml2.
#include "tests/adapters/marks_truth.h"

#include <tinyxml2.h>

#include <functional>

namespace leakgate::adapters_test {
namespace {

using tinyxml2::XMLElement;

std::string text_of(const XMLElement& element, const char* attribute) {
  const char* value = element.Attribute(attribute);
  return value ? value : "";
}

/// Calls `visit` for each element called `name` below `parent`, in document order, not inside another such
/// element.
void for_each_below(const XMLElement& parent, std::string_view name,
                    const std::function<void(const XMLElement&)>& visit) {
  for (const XMLElement* child = parent.FirstChildElement(); child; child = child->NextSiblingElement()) {
    if (child->Name() == name) {
      visit(*child);
    } else {
      for_each_below(*child, name, visit);
    }
  }
}

std::vector<TrueTest> read_gtest(const XMLElement& root) {
  std::vector<TrueTest> tests;
  for_each_below(root, "testcase", [&](const XMLElement& row) {
    if (text_of(row, "status") != "run") {
      // A skipped test has status "run" and result "skipped" in current versions; a disabled one "notrun".
      return;
    }
    TrueTest test{text_of(row, "classname"), text_of(row, "name"), text_of(row, "file"),
                  row.UnsignedAttribute("line"), "passed"};
    if (text_of(row, "result") == "skipped") test.outcome = "skipped";
    if (row.FirstChildElement("failure")) test.outcome = "failed";
    tests.push_back(std::move(test));
  });
  return tests;
}

std::vector<TrueTest> read_catch2(const XMLElement& root) {
  std::vector<TrueTest> tests;
  for_each_below(root, "TestCase", [&](const XMLElement& row) {
    TrueTest test{"", text_of(row, "name"), text_of(row, "filename"), row.UnsignedAttribute("line"),
                  "failed"};
    if (const XMLElement* result = row.FirstChildElement("OverallResult")) {
      if (result->BoolAttribute("success"))
        test.outcome = result->IntAttribute("skips") > 0 ? "skipped" : "passed";
    }
    tests.push_back(std::move(test));
  });
  return tests;
}

std::vector<TrueTest> read_doctest(const XMLElement& root) {
  std::vector<TrueTest> tests;
  for_each_below(root, "TestSuite", [&](const XMLElement& suite) {
    for_each_below(suite, "TestCase", [&](const XMLElement& row) {
      if (row.BoolAttribute("skipped")) return;
      TrueTest test{text_of(suite, "name"), text_of(row, "name"), text_of(row, "filename"),
                    row.UnsignedAttribute("line"), "failed"};
      if (const XMLElement* result = row.FirstChildElement("OverallResultsAsserts")) {
        if (result->BoolAttribute("test_case_success")) test.outcome = "passed";
      }
      tests.push_back(std::move(test));
    });
  });
  return tests;
}

void read_boost_suite(const XMLElement& suite, const std::string& path, std::vector<TrueTest>& tests) {
  for (const XMLElement* row = suite.FirstChildElement(); row; row = row->NextSiblingElement()) {
    if (row->Attribute("skipped")) continue;
    const std::string name = text_of(*row, "name");
    if (row->Name() == std::string_view("TestSuite")) {
      read_boost_suite(*row, path.empty() ? name : path + "/" + name, tests);
    } else if (row->Name() == std::string_view("TestCase")) {
      TrueTest test{path, name, text_of(*row, "file"), row->UnsignedAttribute("line"), "passed"};
      for (const char* failure : {"Error", "FatalError", "Exception"}) {
        if (row->FirstChildElement(failure)) test.outcome = "failed";
      }
      tests.push_back(std::move(test));
    }
  }
}

std::vector<TrueTest> read_boost(const XMLElement& root) {
  std::vector<TrueTest> tests;
  if (const XMLElement* module = root.FirstChildElement("TestSuite")) read_boost_suite(*module, "", tests);
  return tests;
}

}  // namespace

std::vector<std::string> xml_options(std::string_view framework, const std::string& path) {
  if (framework == "gtest") return {"--gtest_output=xml:" + path};
  if (framework == "catch2") return {"-r", "xml", "-o", path};
  if (framework == "doctest") return {"-r=xml", "-o=" + path};
  return {"--log_format=XML", "--log_level=all", "--log_sink=" + path};
}

Result<std::vector<TrueTest>> read_truth(std::string_view framework, const std::string& xml_path) {
  tinyxml2::XMLDocument document;
  if (document.LoadFile(xml_path.c_str()) != tinyxml2::XML_SUCCESS || !document.RootElement()) {
    return Error{ErrorKind::format, "cannot read the XML of " + std::string(framework), document.ErrorStr(),
                 0};
  }
  const XMLElement& root = *document.RootElement();
  if (framework == "gtest") return read_gtest(root);
  if (framework == "catch2") return read_catch2(root);
  if (framework == "doctest") return read_doctest(root);
  return read_boost(root);
}

}  // namespace leakgate::adapters_test

// SPDX-License-Identifier: Apache-2.0
// Copies of the documents, with elements and counts of ours added. See junit_merge.h.
#include "harness/report/junit_merge.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace leakgate::report {
namespace {

using tinyxml2::XMLElement;

std::string attribute(const XMLElement& element, const char* name) {
  const char* value = element.Attribute(name);
  return value == nullptr ? "" : value;
}

/// Before the output of the test: readers take the first failure, and schemas want them in this order.
void insert_before_output(XMLElement& test_case, XMLElement* element) {
  XMLElement* last = nullptr;
  for (auto* child = test_case.FirstChildElement(); child != nullptr; child = child->NextSiblingElement()) {
    const std::string_view name = child->Name();
    if (name == "system-out" || name == "system-err") break;
    last = child;
  }
  last == nullptr ? test_case.InsertFirstChild(element) : test_case.InsertAfterChild(last, element);
}

/// A test that ctest calls run, or skipped, has failed.
void set_failed(XMLElement& test_case) {
  const std::string status = attribute(test_case, "status");
  if ((status == "run" || status == "notrun") &&
      attribute(test_case, "classname") == attribute(test_case, "name"))
    test_case.SetAttribute("status", "fail");
}

/// Where a test case is skipped and fails, Jenkins shows that it is skipped. Whether it was.
bool take_skipped(XMLElement& test_case) {
  auto* skipped = test_case.FirstChildElement("skipped");
  if (skipped == nullptr) return false;
  while (skipped != nullptr) {
    test_case.DeleteChild(skipped);
    skipped = test_case.FirstChildElement("skipped");
  }
  if (attribute(test_case, "result") == "skipped") test_case.SetAttribute("result", "completed");
  return true;
}

void add_error(XMLElement& test_case, const JunitError& error) {
  auto* element = test_case.GetDocument()->NewElement("error");
  element->SetAttribute("message", error.message.c_str());
  element->SetAttribute("type", error.type.c_str());
  insert_before_output(test_case, element);
  set_failed(test_case);
}

void add_failure(XMLElement& test_case, const JunitFailure& failure) {
  auto* document = test_case.GetDocument();
  auto* element = document->NewElement("failure");
  element->SetAttribute("message", failure.message.c_str());
  element->SetAttribute("type", failure.type.c_str());
  element->InsertEndChild(document->NewText(failure.text.c_str()));
  insert_before_output(test_case, element);
  // Catch2 and ctest do not tell where their tests are, and readers put the failure there
  if (!failure.file.empty() && test_case.Attribute("file") == nullptr) {
    test_case.SetAttribute("file", failure.file.c_str());
    if (failure.line != 0 && test_case.Attribute("line") == nullptr)
      test_case.SetAttribute("line", failure.line);
  }
  set_failed(test_case);
}

/// One more in the counts called `name` of `suite` and of all it is in, or one fewer.
void count_one(XMLElement* suite, const char* name, bool more = true) {
  for (; suite != nullptr; suite = suite->Parent() ? suite->Parent()->ToElement() : nullptr) {
    if (suite->Attribute(name) == nullptr) continue;
    const std::uint64_t count = suite->Unsigned64Attribute(name);
    suite->SetAttribute(name, more ? count + 1 : std::max<std::uint64_t>(count, 1) - 1);
  }
}

/// What was found in the test of `test_case`, where that does not say so by itself.
void add_findings(XMLElement& test_case, XMLElement& suite, const JunitFindings& findings) {
  const bool failed = test_case.FirstChildElement("failure") != nullptr;
  const bool in_error = test_case.FirstChildElement("error") != nullptr;
  const bool is_found = !findings.failure.type.empty() || !findings.error.type.empty();
  if (is_found && take_skipped(test_case)) count_one(&suite, "skipped", false);
  if (!findings.failure.type.empty()) {
    add_failure(test_case, findings.failure);
    if (!failed) count_one(&suite, "failures");
  }
  if (findings.error.type.empty() || failed || in_error) return;
  add_error(test_case, findings.error);
  count_one(&suite, "errors");
}

/// Calls `each` for every <testcase> below `element`.
template <typename Each>
void for_each_case(XMLElement& element, const Each& each) {
  for (auto* child = element.FirstChildElement(); child != nullptr; child = child->NextSiblingElement()) {
    if (std::string_view(child->Name()) == "testcase")
      each(*child, element);
    else if (std::string_view(child->Name()) == "testsuite")
      for_each_case(*child, each);
  }
}

/// What a suite says that it took; for one that says nothing, or nothing at all as ctest's does, what its
/// test cases say.
std::uint64_t duration_us(const XMLElement& element) {
  constexpr double kLongest = 1e8;  // seconds: three years; what is beyond is nonsense
  double seconds = 0;
  if (element.QueryDoubleAttribute("time", &seconds) == tinyxml2::XML_SUCCESS && seconds > 0 &&
      seconds < kLongest)
    return static_cast<std::uint64_t>(seconds * 1e6 + 0.5);
  std::uint64_t sum = 0;
  for (const auto* child = element.FirstChildElement(); child != nullptr; child = child->NextSiblingElement())
    if (const std::string_view name = child->Name(); name == "testsuite" || name == "testcase")
      sum += duration_us(*child);
  return sum;
}

}  // namespace

JunitMerge::JunitMerge(const JunitInputs& inputs) {
  for (const auto& input : inputs.documents) {
    auto& copy = documents_.emplace_back(std::make_unique<tinyxml2::XMLDocument>());
    input.xml->DeepCopy(copy.get());
    paths_.push_back(input.path);
  }
}

JunitMerge::Result JunitMerge::place(const std::vector<JunitRow>& rows,
                                     const std::vector<JunitProcess>& processes,
                                     const std::function<JunitFindings(std::size_t)>& findings_of) {
  Result result;
  std::vector<JunitCase> cases;
  for (std::size_t i = 0; i < documents_.size(); ++i) {
    result.duration_us += duration_us(*documents_[i]->RootElement());
    for_each_case(*documents_[i]->RootElement(), [&](XMLElement& test_case, XMLElement& suite) {
      cases.push_back({&test_case, &suite, i, nullptr});
    });
  }
  JunitMatch(rows, processes, paths_).find_rows(cases);
  for (const auto& one : cases) {
    XMLElement& test_case = *one.element;
    if (one.row != nullptr) {
      result.placed.insert(one.row->test);
      if (one.row->found) add_findings(test_case, *one.suite, findings_of(one.row->test));
    }
    ++result.names[{attribute(test_case, "classname"), attribute(test_case, "name")}];
    ++result.tests;
    result.failures += test_case.FirstChildElement("failure") != nullptr ? 1 : 0;
    result.errors += test_case.FirstChildElement("error") != nullptr ? 1 : 0;
    result.skipped += test_case.FirstChildElement("skipped") != nullptr ? 1 : 0;
  }
  return result;
}

void JunitMerge::print(tinyxml2::XMLPrinter& out) const {
  for (const auto& document : documents_) {
    const XMLElement* root = document->RootElement();
    if (std::string_view(root->Name()) == "testsuite") {
      root->Accept(&out);
      continue;
    }
    for (const auto* suite = root->FirstChildElement(); suite != nullptr; suite = suite->NextSiblingElement())
      suite->Accept(&out);
  }
}

}  // namespace leakgate::report

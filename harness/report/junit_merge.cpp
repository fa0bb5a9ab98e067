// SPDX-License-Identifier: Apache-2.0
// Which of others' test cases is which of ours: by class and name (GoogleTest, Catch2, whose sections follow
// a slash), else by id (ctest, which may have put a prefix in front). See junit_merge.h.
#include "harness/report/junit_merge.h"

#include <map>

namespace leakgate::report {
namespace {

using tinyxml2::XMLElement;

std::string attribute(const XMLElement& element, const char* name) {
  const char* value = element.Attribute(name);
  return value == nullptr ? "" : value;
}

/// Tests of ours by the names they may have, each to be found once.
class Index {
 public:
  explicit Index(const JunitMerge::Rows& rows) {
    for (const auto& row : rows) {
      by_name_[{row.class_name, row.name}].push_back(&row);
      by_id_[row.id].push_back(&row);
    }
  }

  const JunitMerge::Row* find(const XMLElement& test_case, const std::set<std::size_t>& placed) const {
    const std::string class_name = attribute(test_case, "classname"), name = attribute(test_case, "name");
    if (const auto* row = free_one(by_name_, std::pair{class_name, name}, placed)) return row;
    for (auto slash = name.rfind('/'); slash != std::string::npos && slash > 0;
         slash = name.rfind('/', slash - 1))
      if (const auto* row = free_one(by_name_, std::pair{class_name, name.substr(0, slash)}, placed))
        return row;
    if (const auto* row = free_one(by_id_, name, placed)) return row;
    for (auto dot = name.find_first_of("./ "); dot != std::string::npos;
         dot = name.find_first_of("./ ", dot + 1))
      if (const auto* row = free_one(by_id_, name.substr(dot + 1), placed)) return row;
    return nullptr;
  }

 private:
  template <typename Map, typename Key>
  static const JunitMerge::Row* free_one(const Map& map, const Key& key,
                                         const std::set<std::size_t>& placed) {
    const auto found = map.find(key);
    if (found == map.end()) return nullptr;
    for (const auto* row : found->second)
      if (placed.count(row->test) == 0) return row;
    return nullptr;
  }

  std::map<std::pair<std::string, std::string>, std::vector<const JunitMerge::Row*>> by_name_;
  std::map<std::string, std::vector<const JunitMerge::Row*>> by_id_;
};

void add_failure(XMLElement& test_case, const JunitFailure& failure) {
  auto* document = test_case.GetDocument();
  auto* element = document->NewElement("failure");
  element->SetAttribute("message", failure.message.c_str());
  element->SetAttribute("type", failure.type.c_str());
  element->InsertEndChild(document->NewText(failure.text.c_str()));
  // before the output of the test: readers take the first failure, and schemas want them in this order
  XMLElement* last = nullptr;
  for (auto* child = test_case.FirstChildElement(); child != nullptr; child = child->NextSiblingElement()) {
    const std::string_view name = child->Name();
    if (name == "system-out" || name == "system-err") break;
    last = child;
  }
  last == nullptr ? test_case.InsertFirstChild(element) : test_case.InsertAfterChild(last, element);
  // Catch2 and ctest do not tell where their tests are, and readers put the failure there
  if (!failure.file.empty() && test_case.Attribute("file") == nullptr) {
    test_case.SetAttribute("file", failure.file.c_str());
    if (failure.line != 0 && test_case.Attribute("line") == nullptr)
      test_case.SetAttribute("line", failure.line);
  }
  // a test that ctest calls run, and that leaks, has failed
  if (attribute(test_case, "status") == "run" &&
      attribute(test_case, "classname") == attribute(test_case, "name"))
    test_case.SetAttribute("status", "fail");
}

/// One more failure in the counts of `suite` and of all it is in.
void count_failure(XMLElement* suite) {
  for (; suite != nullptr; suite = suite->Parent() ? suite->Parent()->ToElement() : nullptr)
    if (suite->Attribute("failures") != nullptr)
      suite->SetAttribute("failures", suite->Unsigned64Attribute("failures") + 1);
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
    input->DeepCopy(copy.get());
  }
}

JunitMerge::Result JunitMerge::place(const Rows& rows,
                                     const std::function<JunitFailure(std::size_t)>& failure_of) {
  Result result;
  const Index index(rows);
  for (const auto& document : documents_) {
    result.duration_us += duration_us(*document->RootElement());
    for_each_case(*document->RootElement(), [&](XMLElement& test_case, XMLElement& suite) {
      const bool failed = test_case.FirstChildElement("failure") != nullptr;
      const auto* row = index.find(test_case, result.placed);
      bool leaks = false;
      if (row != nullptr) {
        result.placed.insert(row->test);
        leaks = row->leaks;
        if (leaks) add_failure(test_case, failure_of(row->test));
        if (leaks && !failed) count_failure(&suite);
      }
      ++result.tests;
      result.failures += failed || leaks ? 1 : 0;
      result.errors += test_case.FirstChildElement("error") != nullptr ? 1 : 0;
      result.skipped += test_case.FirstChildElement("skipped") != nullptr ? 1 : 0;
    });
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

// SPDX-License-Identifier: Apache-2.0
// Reading others' XML, which is as hostile as any input; see junit_inputs.h.
#include "harness/report/junit_inputs.h"

#include <fmt/format.h>
#include <tinyxml2.h>

#include "harness/base/atomic_file.h"
#include "harness/base/text.h"

namespace leakgate::report {
namespace {

constexpr std::uint64_t kMaxFileBytes = 64u << 20;
constexpr std::string_view kHint = "give the XML that GoogleTest, Catch2 or ctest --output-junit wrote";

/// Character references may stand for what XML forbids; comments may hold what ends them early. Iterative in
/// breadth, and no deeper than the parser lets a document be.
void make_safe(tinyxml2::XMLNode& node) {
  for (tinyxml2::XMLNode* child = node.FirstChild(); child != nullptr;) {
    tinyxml2::XMLNode* next = child->NextSibling();
    if (auto* text = child->ToText()) {
      text->SetCData(false);
      text->SetValue(xml_text(text->Value()).c_str());
    } else if (auto* element = child->ToElement()) {
      for (const auto* attribute = element->FirstAttribute(); attribute != nullptr;
           attribute = attribute->Next())
        element->SetAttribute(attribute->Name(), xml_attribute(attribute->Value()).c_str());
      make_safe(*child);
    } else {
      node.DeleteChild(child);
    }
    child = next;
  }
}

}  // namespace

Result<JunitDocument> parse_junit(std::string_view text, std::string_view file) {
  auto document = std::make_shared<tinyxml2::XMLDocument>();
  const std::string valid = xml_text(text);
  if (document->Parse(valid.data(), valid.size()) != tinyxml2::XML_SUCCESS)
    return Error{ErrorKind::format, fmt::format("{}:{}: not well-formed XML", file, document->ErrorLineNum()),
                 std::string(kHint), 0};
  const auto* root = document->RootElement();
  const std::string_view name = root == nullptr ? "" : root->Name();
  if (name != "testsuites" && name != "testsuite")
    return Error{ErrorKind::format,
                 fmt::format("{}: no JUnit XML: its root is not <testsuites> or <testsuite>", file),
                 std::string(kHint), 0};
  make_safe(*document);
  return JunitDocument{std::string(file), std::move(document)};
}

Result<JunitInputs> read_junit_inputs(const std::vector<std::string>& paths) {
  JunitInputs inputs;
  for (const auto& path : paths) {
    const auto text = read_whole(path, kMaxFileBytes);
    if (!text) return text.error();
    auto document = parse_junit(*text, path);
    if (!document) return std::move(document).error();
    inputs.documents.push_back(std::move(*document));
  }
  return inputs;
}

}  // namespace leakgate::report

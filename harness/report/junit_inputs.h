// SPDX-License-Identifier: Apache-2.0
// Test results that others wrote as JUnit XML (GoogleTest, Catch2, ctest), read to be merged with ours.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace tinyxml2 {
class XMLDocument;
}

namespace leakgate::report {

/// A parsed document with a <testsuites> or <testsuite> at its root.
struct JunitDocument {
  std::string path;
  std::shared_ptr<const tinyxml2::XMLDocument> xml;
};

struct JunitInputs {
  std::vector<JunitDocument> documents;
};

/// The document in `text`, made safe to be written again: characters that XML does not allow are replaced.
/// Fails with ErrorKind::format if it is no XML or no test results.
Result<JunitDocument> parse_junit(std::string_view text, std::string_view file);

/// The files at `paths`. Fails as read_whole (64 MiB each) and parse_junit do.
Result<JunitInputs> read_junit_inputs(const std::vector<std::string>& paths);

}  // namespace leakgate::report

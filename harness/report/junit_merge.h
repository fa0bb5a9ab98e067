// SPDX-License-Identifier: Apache-2.0
// Others' test results with our failures in them: each of their test cases keeps all it has, and gets a
// <failure> where its test leaks and an <error> where its end was not seen. What no document knows stays for
// our own suites.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <tinyxml2.h>

#include "harness/report/junit_inputs.h"
#include "harness/report/junit_match.h"

namespace leakgate::report {

/// What a leaking test's <failure> says; an empty type: it does not fail.
struct JunitFailure {
  std::string message, type, text;
  std::string file;        ///< of the test; empty if unknown
  std::uint32_t line = 0;  ///< likewise 0
  std::uint64_t bytes = 0, blocks = 0;
};

/// What the <error> of a test says whose leaks cannot be told; an empty type: it has none.
struct JunitError {
  std::string message, type;
};

/// What is to be told of a test.
struct JunitFindings {
  JunitFailure failure;
  JunitError error;
};

class JunitMerge {
 public:
  struct Result {
    std::set<std::size_t> placed;                                   ///< tests that a document has
    std::map<std::pair<std::string, std::string>, unsigned> names;  ///< class and name of all test cases
    std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;   ///< of the documents, ours included
    std::uint64_t duration_us = 0;                                  ///< that they tell for their suites
  };

  explicit JunitMerge(const JunitInputs& inputs);

  /// Finds the test case of each of `rows` and gives it what was found in its test.
  Result place(const std::vector<JunitRow>& rows, const std::vector<JunitProcess>& processes,
               const std::function<JunitFindings(std::size_t)>& findings_of);
  /// Prints all suites of all documents.
  void print(tinyxml2::XMLPrinter& out) const;

 private:
  std::vector<std::unique_ptr<tinyxml2::XMLDocument>> documents_;
  std::vector<std::string> paths_;
};

}  // namespace leakgate::report

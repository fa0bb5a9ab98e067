// SPDX-License-Identifier: Apache-2.0
// Others' test results with our failures in them: each of their test cases keeps all it has, and gets a
// <failure> where its test leaks. What no document knows stays for our own suites.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <tinyxml2.h>

#include "harness/report/junit_inputs.h"

namespace leakgate::report {

/// What a leaking test's <failure> says; an empty type: it does not fail.
struct JunitFailure {
  std::string message, type, text;
  std::string file;        ///< of the test; empty if unknown
  std::uint32_t line = 0;  ///< likewise 0
  std::uint64_t bytes = 0, blocks = 0;
};

class JunitMerge {
 public:
  /// A test of ours: its number, its names as its framework's own XML has them, its id as ctest may have it.
  struct Row {
    std::size_t test = 0;
    std::string class_name, name, id;
    bool leaks = false;
  };
  using Rows = std::vector<Row>;

  struct Result {
    std::set<std::size_t> placed;                                  ///< tests that a document has
    std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;  ///< of the documents, ours included
    std::uint64_t duration_us = 0;                                 ///< that they tell for their suites
  };

  explicit JunitMerge(const JunitInputs& inputs);

  /// Finds the test case of each of `rows` and gives it the failure of its test, if it leaks.
  Result place(const Rows& rows, const std::function<JunitFailure(std::size_t)>& failure_of);
  /// Prints all suites of all documents.
  void print(tinyxml2::XMLPrinter& out) const;

 private:
  std::vector<std::unique_ptr<tinyxml2::XMLDocument>> documents_;
};

}  // namespace leakgate::report

// SPDX-License-Identifier: Apache-2.0
// What a test framework itself says about a run: the test cases that ran, from the XML it writes.
// In: the XML's text. Out: one row per test case that ran, in the order of the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::adapters_test {

struct TrueTest {
  std::string suite;  ///< gtest: suite; doctest: suite; Boost.Test: path of suites; Catch2: empty
  std::string name;
  std::string file;  ///< empty: the XML does not say
  std::uint32_t line = 0;
  std::string outcome;  ///< "passed", "failed", "skipped"
};

/// The options that make `framework` ("gtest", "catch2", "doctest", "boost") write XML to `path`.
std::vector<std::string> xml_options(std::string_view framework, const std::string& path);

/// Fails if the text is not the XML of that framework.
Result<std::vector<TrueTest>> read_truth(std::string_view framework, const std::string& xml_path);

}  // namespace leakgate::adapters_test

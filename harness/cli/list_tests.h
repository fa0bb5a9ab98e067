// SPDX-License-Identifier: Apache-2.0
// Asks a test program for its test cases, by running it natively. In: the program. Out: its framework and its
// tests.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "harness/attribute/listing.h"
#include "harness/base/result.h"

namespace leakgate::cli {

struct ListRequest {
  std::string program;                        ///< absolute path
  std::vector<std::string> arguments;         ///< its own, filters included
  std::string working_directory;              ///< empty: this process's
  std::optional<model::Framework> framework;  ///< nothing: found by the program's symbols
  std::chrono::milliseconds timeout{5000};
  bool may_be_empty = false;  ///< a program of a framework that lists no tests, and ends well, has none
};

struct TestList {
  model::Framework framework = model::Framework::none;
  bool windows_seen = false;  ///< its test cases can be told apart while it runs
  std::vector<attribute::ListedTest> tests;
};

/// The framework whose functions are in `program` or in what it loads; none where there is none, as in a
/// stripped program. Fails where `program` is no ELF file.
Result<model::Framework> find_framework(const std::string& program);

/// Fails with usage where no framework is found, with target where the program does not list or takes too
/// long.
Result<TestList> list_tests(const ListRequest& request);

}  // namespace leakgate::cli

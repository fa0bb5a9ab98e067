// SPDX-License-Identifier: Apache-2.0
// The file that ctest includes for the rows of a test program. In: what leakgate_discover_tests was given,
// and the tests the program lists. Out: text; nothing is read or written here.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/cli/list_tests.h"

namespace leakgate::cli {

/// What leakgate_discover_tests was given.
struct RowsRequest {
  std::string target;                      ///< names the rows: leakcheck.TARGET.ID
  std::string folder;                      ///< absolute; rows, recording and ids lie here
  std::string leakgate;                    ///< this program
  std::string prefix, suffix;              ///< around the id
  std::string list_variable;               ///< set to the names of the rows
  std::string junit_folder, sarif_folder;  ///< empty: none is written
  std::string report_name;                 ///< of the files there, without what tells form and test
  std::vector<std::string> launcher;       ///< in front of leakgate where it traces
  std::vector<std::string> run_options;    ///< of leakgate run: policy and the like
  std::vector<std::string> labels;         ///< beside leakcheck
  std::vector<std::pair<std::string, std::string>> properties;
  bool per_test = false;  ///< a process for each test, in place of one for all
  bool may_skip = false;  ///< skip where tracing is not possible
  ListRequest program;
};

/// `text` as one argument of a CMake command, whatever is in it.
std::string cmake_argument(const std::string& text);

/// The whole file.
std::string format_ctest_file(const RowsRequest& request, const TestList& list);

}  // namespace leakgate::cli

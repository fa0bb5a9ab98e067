// SPDX-License-Identifier: Apache-2.0
// leakgate-rows/1: the verdict cut up by test, for rows of ctest that each show one test of a run made once.
// A reader takes one row without judging anew.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::report {

/// What is said of one test.
struct CtestRow {
  int status = 0;    ///< 0 no leak that fails; 23 leaks; 125 not known
  std::string id;    ///< of the test, made printable; empty: what is said of the run as a whole
  std::string text;  ///< for people, as the console report has it
};

struct CtestRows {
  std::string program;  ///< file of the program that ran; empty: not known
  std::vector<CtestRow> rows;
};

/// Reads what write_ctest_rows wrote. Fails with format where a length or the end is wrong.
Result<CtestRows> parse_ctest_rows(std::string_view text);

/// The row of `id`. A test that is in no row did not run, which is no pass.
CtestRow row_of(const CtestRows& rows, std::string_view id);

/// All that belongs to none of `ids` as one row: what leaked outside tests and in programs that tests
/// started, and what is said of the run as a whole.
CtestRow row_of_others(const CtestRows& rows, const std::vector<std::string>& ids);

}  // namespace leakgate::report

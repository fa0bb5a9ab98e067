// SPDX-License-Identifier: Apache-2.0
// What a run saw to its end: only there does a leak that is not there say that it is gone. In: a recording.
// Out: the tests, and the programs, whose accepted leaks may be taken back.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "harness/model/recording.h"

namespace leakgate::judge {

struct WholeRuns {
  std::set<std::string_view> tests;  ///< ids of the tests that ran to their end and passed
  /// Likewise, with the file name of the program: other programs may have a test of that name.
  std::set<std::pair<std::string, std::string_view>> tests_of_programs;
  /// File names of the programs that ran all of their tests once, and all passed: only they have everything
  /// that is allocated outside tests. A program is among them only where that is known.
  std::set<std::string> programs;
};

/// Nothing of a run that is incomplete, or that a signal ended. The views are into `recording`.
WholeRuns find_whole_runs(const model::Recording& recording);

/// The file name of the program that process `index` ran; empty if unknown.
std::string program_file(const model::Recording& recording, std::uint32_t index);

}  // namespace leakgate::judge

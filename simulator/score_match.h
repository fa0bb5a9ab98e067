// SPDX-License-Identifier: Apache-2.0
// The matching half of the scorer: which reported leak belongs to which group of true leaks, and how well it
// fits.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "simulator/score.h"

namespace leakgate::simulator {

/// The true leaks of one site in one test of one process, and the reported rows that were matched to them.
struct TruthGroup {
  const TruthLeak* first = nullptr;  ///< site, test and process of all of them
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  bool must_fail = false;                              ///< has a leak that is definitely or possibly lost
  std::map<std::string, std::uint64_t> bytes_by_kind;  ///< members of cycles stand under "cycle"
  std::vector<const ReportedLeak*> rows;
  bool wrong_test = false;
  bool wrong_site = false;
  bool wrong_process = false;
};

struct Matching {
  std::vector<TruthGroup> groups;
  std::vector<const ReportedLeak*> unmatched;
};

/// Whether `row` is at the site of `leak`: the document's own site decides where it names one; otherwise the
/// line has to be somewhere in the stack.
bool is_at_site(const ReportedLeak& row, const TruthLeak& leak);

/// Exact fits first; what is left is tried with another test, another process, and last another site of equal
/// figures.
Matching match(const Truth& truth, const ReportedResult& result);

}  // namespace leakgate::simulator

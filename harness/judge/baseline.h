// SPDX-License-Identifier: Apache-2.0
// The baseline: leaks that are accepted, by test and fingerprint, with bytes and blocks. Only what is new or
// grown fails; what shrinks is taken back.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/result.h"
#include "harness/judge/whole_runs.h"
#include "harness/model/verdict.h"

namespace leakgate::judge {

struct BaselineEntry {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
  std::string site;    ///< for readers; not compared
  std::string reason;  ///< given when it was accepted; may be empty
  /// File names of the programs that leaked it; empty where not known.
  std::set<std::string> programs;

  bool operator==(const BaselineEntry&) const = default;
};

/// Test and fingerprint.
using BaselineKey = std::pair<std::string, std::string>;

struct Baseline {
  std::map<BaselineKey, BaselineEntry> entries;
  std::string file;  ///< where it was read from
};

/// The baseline in `text`. Fails with ErrorKind::format, message "FILE:LINE:COLUMN: ...". Entries that are
/// there twice, as a merge may leave them, count with the larger numbers.
Result<Baseline> parse_baseline(std::string_view text, std::string_view file);

/// The file for `baseline`: one line per entry, sorted, none of them special, so that git merges it line by
/// line.
std::string format_baseline(const Baseline& baseline);

/// What has to be known of a leak to compare it.
struct BaselineLeak {
  std::string_view test, fingerprint;
  std::uint64_t bytes = 0, blocks = 0;
  std::set<std::string> programs;  ///< that leaked it
};

/// Each of `leaks` summed up by key and compared. Entries that are not among them are absent where their test
/// ran to its end and passed, in all of their programs; those of "(outside tests)" where all of their
/// programs ran all of their tests. Sorted by key; `site` is left empty but for absent ones.
std::vector<model::BaselineRow> compare(const Baseline& baseline, const std::vector<BaselineLeak>& leaks,
                                        const WholeRuns& whole);

/// The baseline after a run that gave `diff`: shrunk entries get their new numbers where the run was whole
/// for them, absent ones go, new and grown ones come with `reason`. Of others nothing is taken back.
Baseline updated(Baseline baseline, const std::vector<model::BaselineRow>& diff, const std::string& reason);

}  // namespace leakgate::judge

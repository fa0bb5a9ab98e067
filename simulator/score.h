// SPDX-License-Identifier: Apache-2.0
// The scorer: how right was a leakgate result, measured against the truth? In: a truth and a
// leakgate-result/1 document. Out: a Score. Pure functions; nothing here reads files or runs anything.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "simulator/truth_file.h"

namespace leakgate::simulator {

/// A stack frame of a reported leak, innermost first in ReportedLeak::stack.
struct ReportedFrame {
  std::string function;
  std::string file;
  std::uint32_t line = 0;
};

/// What the scorer needs of one row of "leaks" in a leakgate-result/1 document.
struct ReportedLeak {
  std::string id;
  std::string test;
  bool child = false;         ///< of a process that another traced process with the same executable started
  std::int64_t process = -1;  ///< pid
  std::string kind;
  std::string verdict;  ///< "fail" is an alarm; anything else was seen and let pass
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  double confidence = 0;
  std::vector<ReportedFrame> stack;
  std::optional<std::size_t>
      site;  ///< index into `stack` of the frame the report points at, where the document says so
};

struct ReportedResult {
  bool complete = false;
  std::string verdict;  ///< of the whole run
  std::vector<ReportedLeak> leaks;
  std::map<std::int64_t, std::int64_t> parents;  ///< pid -> parent's pid
};

/// Reads a leakgate-result/1 document. Fails on other schemas and on text that is not JSON.
Result<ReportedResult> parse_result(std::string_view json);

/// One truth group, and what became of it.
struct GroupScore {
  std::string test;        ///< empty: none
  std::string kind;        ///< the gravest of its leaks' kinds; "cycle" for members of cycles
  bool must_fail = false;  ///< lost: the gate has to fail on it
  bool found = false;
  bool right_bytes = false;  ///< and blocks
  bool right_test = false;
  bool right_site = false;
  bool right_process = false;
  bool right_kind = false;
  std::uint64_t bytes = 0;  ///< true ones
  std::uint64_t bytes_reported = 0;
};

/// Counts over truth groups: the leaks of one site in one test of one process. Everything but true_positives
/// is a fault.
struct Score {
  std::string scenario;
  std::string twin;
  bool complete = false;              ///< the result says its trace was complete
  std::uint64_t true_positives = 0;   ///< groups found
  std::uint64_t false_positives = 0;  ///< alarms that no truth explains
  std::uint64_t missed = 0;           ///< groups not found, or found and not failed although lost
  std::uint64_t wrong_bytes = 0;      ///< found with other bytes or blocks
  std::uint64_t wrong_test = 0;       ///< found under another test
  std::uint64_t wrong_site = 0;       ///< found at another line
  std::uint64_t wrong_process = 0;    ///< found in the parent instead of the child, or the other way round
  std::uint64_t wrong_kind = 0;       ///< found as another kind; unclassified is never wrong
  std::uint64_t bytes_true = 0;
  std::uint64_t bytes_reported = 0;  ///< of alarms and of rows matched to truth
  std::vector<std::string> faults;   ///< one sentence each
  std::vector<GroupScore> groups;
  std::vector<std::string> alarm_tests;  ///< the test of each false positive

  /// No fault at all, on a complete trace.
  [[nodiscard]] bool perfect() const;
};

/// Compares. A leak that is definitely or possibly lost must have verdict "fail"; an indirectly lost or still
/// reachable one only has to be reported. Reported leaks with another verdict than "fail" are never false
/// positives.
Score score(const Truth& truth, const ReportedResult& result);

/// JSON text, schema leakgate-score/1, ending in a line feed.
std::string score_to_json(const Score& score);

/// True when `reported`, demangled in whatever fullness, names the function that __func__ calls `name`.
bool same_function(std::string_view reported, std::string_view name);

/// True when one path is the other, or its end from a directory border on.
bool same_file(std::string_view left, std::string_view right);

}  // namespace leakgate::simulator

// SPDX-License-Identifier: Apache-2.0
// The verdict: what judging made of a recording. Reports are written from these structs and from nothing
// else.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/model/recording.h"
#include "harness/model/stack_table.h"

namespace leakgate::model {

enum class RunVerdict { pass, fail, incomplete };
enum class TestVerdict { clean, leak, allowed, incomplete };
enum class LeakVerdict { fail, allowed, suppressed, below_threshold };
enum class Severity { low, medium, high, critical };
/// Against the baseline; none: there is no baseline, or the leak is not compared. `added` is written "new".
enum class BaselineState { none, added, unchanged, grown, shrunk, absent };
enum class SuppressionState { used, unused, expired };

/// The outstanding blocks of one allocation site in one test of one process, judged.
struct Leak {
  std::string id;              ///< "leak-1", "leak-2", ... in report order
  std::uint32_t test = kNone;  ///< index into Verdict::tests
  Kind kind = Kind::unclassified;
  LeakVerdict verdict = LeakVerdict::fail;
  std::string reason;  ///< one sentence: why this verdict
  std::string resource = "heap";
  std::string function;  ///< allocation function
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t age_min_ms = 0;
  std::uint64_t age_max_ms = 0;
  std::string fingerprint;  ///< versioned: "lg1:<hex>"
  std::string type;
  bool cycle = false;
  double confidence = 0.0;  ///< 0..1
  Severity severity = Severity::medium;
  BaselineState baseline = BaselineState::none;
  std::string_view recommendation;  ///< one sentence: what to do about it; a constant
  std::vector<std::string> retained_by;
  std::uint32_t lost_after = kNone;  ///< the later test after which they were first seen lost; kNone: its own
  bool lost_at_end = false;          ///< they became lost only when the process ended
  std::string section;               ///< of the test: "outer / inner"; empty: none
  LeakStack stack;                   ///< innermost first, trimmed of nothing
  std::size_t site = 0;  ///< index into `stack` of the frame the report points at; == stack.size() if none
};

struct JudgedTest {
  Test test;  ///< as recorded
  std::int32_t pid = 0;
  TestVerdict verdict = TestVerdict::clean;
  std::string rerun;               ///< a command that runs just this test; empty if none is known
  std::vector<std::size_t> leaks;  ///< indexes into Verdict::leaks
};

/// What became of one suppression.
struct SuppressionUse {
  std::string text;    ///< as written, on one line
  std::string source;  ///< "leakgate.supp:12"
  SuppressionState state = SuppressionState::unused;
  std::uint64_t leaks = 0;  ///< that it matched
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
  std::string owner, reason, expires;  ///< where given
};

/// One accepted leak, or the comparison with it.
struct BaselineRow {
  std::string test, fingerprint, site;
  BaselineState state = BaselineState::none;
  std::uint64_t bytes = 0, blocks = 0;                    ///< in this run
  std::uint64_t accepted_bytes = 0, accepted_blocks = 0;  ///< in the baseline
};

/// The comparison with the baseline, sorted by test and fingerprint.
struct BaselineDiff {
  std::string file;  ///< empty: there is none
  std::vector<BaselineRow> rows;
};

struct Summary {
  std::uint64_t tests = 0;  ///< test cases; "(outside tests)" rows count only when they leak
  std::uint64_t clean = 0;
  std::uint64_t leaking = 0;
  std::uint64_t leaked_bytes = 0;  ///< of leaks whose verdict is fail
  std::uint64_t leaked_blocks = 0;
  RunVerdict verdict = RunVerdict::pass;
};

struct Verdict {
  std::string tool_version;
  RunInfo run;
  TracerInfo tracer;
  std::vector<Process> processes;
  std::vector<Module> modules;
  std::vector<JudgedTest> tests;
  std::vector<Leak> leaks;
  std::vector<std::string> limits_exceeded;  ///< one sentence per limit that was exceeded
  std::string policy_file;                   ///< empty: none was read
  std::vector<SuppressionUse> suppressions;
  BaselineDiff baseline;
  Summary summary;
};

}  // namespace leakgate::model

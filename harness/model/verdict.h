// SPDX-License-Identifier: Apache-2.0
// The verdict: what judging made of a recording. Reports are written from these structs and from nothing
// else.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
enum class SuppressionState { used, unused, expired, exceeded };
/// How memory that a site leaves behind goes on over the rounds of its test.
enum class GrowthPattern {
  none,         ///< too few rounds, or nothing was added
  one_time,     ///< in the first round alone: initialisation
  saturating,   ///< the last third of the rounds, two at least, added nothing: a cache that has filled
  replaced,     ///< of the last round alone: each round freed what the one before had left
  oscillating,  ///< of the last few rounds alone: what earlier ones left was freed again
  undecided,    ///< more rounds are needed
  linear,       ///< in every round after the first
  exponential,  ///< in every round, each time half as much again or more
  stepped       ///< again and again, not in every round
};
/// What a leak looks like.
enum class LeakPattern {
  none,
  error_path,  ///< an exception was thrown, or an assertion failed, after it was allocated
  resource,    ///< what is lost stands for more than memory: a file, a directory, a thread
  loop,        ///< the same call path ran more than once and left a block each time
  one_shot     ///< one block
};

/// From the end of the run on: a value to expect, and its 95 % interval.
struct ForecastSpan {
  double expected = 0;
  double low = 0;
  std::optional<double> high;  ///< nothing: perhaps never
};

/// When the growth of one site alone fills what its process may have.
struct LimitForecast {
  std::uint64_t limit_bytes = 0;
  std::uint64_t held_bytes = 0;  ///< blocks of the process at its end, all sites
  ForecastSpan rounds, seconds;
};

/// What a site added in each round of its test. Of a leak in a test that ran once: no rounds.
struct LeakGrowth {
  GrowthPattern pattern = GrowthPattern::none;
  std::uint64_t rounds = 0;
  std::uint64_t rounds_adding = 0;
  std::uint64_t slope_bytes = 0;           ///< a round, Theil-Sen over the sums
  std::vector<std::uint64_t> added_bytes;  ///< in order; each is of `rounds_per_point` rounds
  std::uint64_t rounds_per_point = 1;
  std::optional<LimitForecast> forecast;  ///< where it grows, and the policy has a limit
};

/// In how many of the times that its test ran a leak was seen.
struct Recurrence {
  std::uint32_t seen = 0;
  std::uint32_t runs = 0;  ///< 0: nothing was run again

  [[nodiscard]] bool flaky() const { return runs > 1 && seen < runs; }
};

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
  std::vector<std::uint64_t> age_log2_ms;  ///< bucket n: blocks under 2^n ms old; empty: not known
  std::string fingerprint;                 ///< versioned: "lg1:<hex>"
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
  LeakStack freed_by;    ///< where another block of its site was freed; empty: none was
  std::size_t freed_site = 0;  ///< the frame of `freed_by` to point at; == freed_by.size() if none
  LeakPattern pattern = LeakPattern::none;
  std::shared_ptr<const LeakGrowth> growth;  ///< null: its test ran once
  Recurrence recurrence;
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
  std::uint64_t bytes = 0;  ///< of them, in one run: of rounds of a test, those of the largest
  std::uint64_t blocks = 0;
  std::string owner, reason, expires;  ///< where given
};

/// One accepted leak, or the comparison with it.
struct BaselineRow {
  std::string test, fingerprint, site;
  BaselineState state = BaselineState::none;
  std::uint64_t bytes = 0, blocks = 0;                    ///< in this run
  std::uint64_t accepted_bytes = 0, accepted_blocks = 0;  ///< in the baseline
  bool whole = true;               ///< a run that leaks less here says that less leaks: it saw all of it
  std::set<std::string> programs;  ///< in this run
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

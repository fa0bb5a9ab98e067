// SPDX-License-Identifier: Apache-2.0
// The verdict: what judging made of a recording. Reports are written from these structs and from nothing
// else.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/model/recording.h"

namespace leakgate::model {

enum class RunVerdict { pass, fail, incomplete };
enum class TestVerdict { clean, leak, allowed, incomplete };
enum class LeakVerdict { fail, allowed, suppressed, below_threshold };
enum class Severity { low, medium, high, critical };

/// A stack frame as reports print it (resolved: no indexes left).
struct VerdictFrame {
  std::string function;
  std::string full_function;
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  bool inlined = false;
  std::string module;
  std::uint64_t offset = 0;
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
  std::string fingerprint;  ///< versioned: "lg1:<hex>"
  std::string type;
  bool cycle = false;
  double confidence = 0.0;  ///< 0..1
  Severity severity = Severity::medium;
  std::vector<std::string> retained_by;
  std::vector<VerdictFrame> stack;  ///< innermost first, trimmed of nothing
  std::size_t site = 0;  ///< index into `stack` of the frame the report points at; == stack.size() if none
  bool truncated = false;
  std::string truncated_reason;
};

struct JudgedTest {
  Test test;  ///< as recorded
  std::int32_t pid = 0;
  TestVerdict verdict = TestVerdict::clean;
  std::vector<std::size_t> leaks;  ///< indexes into Verdict::leaks
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
  std::vector<std::string> limits_exceeded;  ///< one sentence per limit over the whole run that was exceeded
  Summary summary;
};

}  // namespace leakgate::model

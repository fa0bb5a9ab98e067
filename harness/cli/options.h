// SPDX-License-Identifier: Apache-2.0
// What the user asked for. In: argv. Out: plain structs, or an Error of kind usage.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/cli/exit_status.h"
#include "harness/cli/policy_flags.h"
#include "harness/judge/merge.h"
#include "harness/pipeline/record.h"
#include "harness/report/report.h"

namespace leakgate::cli {

enum class Command { help, version, run, record, judge, baseline, doctor, self_test_target };

struct Options {
  Command command = Command::help;
  std::string help_text;                    ///< for help and version: what to print
  pipeline::RecordRequest record;           ///< run, record, doctor
  PolicyFlags policy;                       ///< run, judge, baseline
  std::vector<report::ReportFile> reports;  ///< beside the console report
  std::string output;                       ///< console report; empty: standard error (run) or output (judge)
  std::string recording;                    ///< record: where to; run: kept there too if not empty
  std::vector<std::string> inputs;          ///< judge, baseline
  std::vector<std::string> merge_junit;     ///< run, judge: other test results to merge into the JUnit report
  std::string write_suppressions;           ///< judge
  bool print_policy = false;                ///< judge
  std::string baseline_action, baseline_file, accept_reason;
  judge::MergeRule merge_rule = judge::MergeRule::parts;  ///< judge, baseline
  std::size_t expected_parts = 0;                         ///< judge; 0: any number
  std::size_t rounds = 0;   ///< run, record: of each test; 0: as the command says
  std::size_t retries = 0;  ///< run: of each test that leaks
  int leak_exit_code = 23;
  ExitRule exit_rule = ExitRule::all;       ///< run, judge
  bool reachable_shown_only = false;        ///< still reachable blocks are reported and fail nothing
  std::vector<std::string> expected_tests;  ///< run, judge: ids of tests without which the run is incomplete
  bool only_expected_tests = false;         ///< run, judge: what else their processes ran is not judged
  bool skip_if_unsupported = false;
  bool list_probes = false;  ///< doctor --probes
  bool verbose = false;
};

/// Parses the arguments (without the program's name). What stands behind "--" is the command, untouched.
Result<Options> parse_options(const std::vector<std::string>& arguments);

}  // namespace leakgate::cli

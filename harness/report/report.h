// SPDX-License-Identifier: Apache-2.0
// The one door to every report format: a verdict in, text out, the same text each time. One file per format
// stands behind it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/model/verdict.h"
#include "harness/report/junit_inputs.h"

namespace leakgate::report {

/// Takes a report piece by piece: one of 100,000 leaks is too large to be held at once.
using Sink = std::function<void(std::string_view)>;

/// How the console report looks.
struct ConsoleStyle {
  bool colour = false;
  bool verbose = false;         ///< also what is allowed or below a threshold, and every frame
  std::size_t max_leaks = 100;  ///< leaks shown when not verbose; the rest is counted
  std::size_t max_frames = 24;  ///< frames shown of a stack when not verbose
  bool whole_run = true;        ///< false: what is said of the run as a whole is left out
};

/// Bounds of what a service takes; what is left out is said in the report.
struct SarifLimits {
  std::size_t max_results = 5000;    ///< GitHub rejects more than 25,000, and keeps 5,000
  std::size_t max_locations = 1000;  ///< of one code flow
  bool full = false;                 ///< also what does not fail
};

/// For people. The last line is "leakgate: pass|fail|incomplete: ...", without colour.
std::string render_console(const model::Verdict& verdict, const ConsoleStyle& style = {});

/// leakgate-result/1; its JSON Schema is schema/leakgate-result-1.schema.json.
std::string render_json(const model::Verdict& verdict);

/// JUnit XML: a leak is a <failure> in the test case's own <testcase>.
std::string render_junit(const model::Verdict& verdict);

/// SARIF 2.1.0 of the failing leaks, for GitHub code scanning and others.
std::string render_sarif(const model::Verdict& verdict, const SarifLimits& limits = {});

/// The same, in pieces.
void write_json(const model::Verdict& verdict, const Sink& sink);
void write_junit(const model::Verdict& verdict, const Sink& sink);
/// With the results of test frameworks merged in (junit_merge.cpp).
void write_merged_junit(const model::Verdict& verdict, const JunitInputs& merge, const Sink& sink);
void write_sarif(const model::Verdict& verdict, const SarifLimits& limits, const Sink& sink);
void write_html(const model::Verdict& verdict, const Sink& sink);
void write_markdown(const model::Verdict& verdict, const Sink& sink);
void write_github_annotations(const model::Verdict& verdict, const Sink& sink);
void write_github_summary(const model::Verdict& verdict, const Sink& sink);
void write_code_quality(const model::Verdict& verdict, const Sink& sink);
void write_openmetrics(const model::Verdict& verdict, const Sink& sink);
void write_valgrind_xml(const model::Verdict& verdict, const Sink& sink);
void write_collapsed(const model::Verdict& verdict, const Sink& sink);
void write_heat_map(const model::Verdict& verdict, const Sink& sink);
void write_problem_matcher(const model::Verdict& verdict, const Sink& sink);
void write_gdb(const model::Verdict& verdict, const Sink& sink);
/// What ctest rows of one test each are read from (ctest_rows.h).
void write_ctest_rows(const model::Verdict& verdict, const Sink& sink);
/// Valgrind's log, as `ctest -T memcheck` reads it (valgrind_log.cpp).
void write_valgrind_log(const model::Verdict& verdict, const Sink& sink);

/// One file behind each. Enumerators are the words of --report, with hyphens for underscores.
enum class Format {
  console,
  json,
  junit,
  sarif,
  sarif_full,          ///< with what does not fail, as suppressed or unchanged: for archives and editors
  html,                ///< one file, to be read in a browser
  markdown,            ///< for a comment on a pull request
  github_annotations,  ///< workflow commands, for standard output
  github_summary,      ///< for GITHUB_STEP_SUMMARY
  code_quality,        ///< GitLab's
  openmetrics,
  valgrind_xml,     ///< protocol 4
  collapsed,        ///< stacks for flame graphs
  heat_map,         ///< JSON by function and file
  problem_matcher,  ///< file:line:column: severity: message
  gdb,              ///< commands that stop at leaking allocations
  ctest_rows,       ///< what `leakgate_discover_tests` makes rows of
  valgrind_log      ///< memcheck's text
};

/// The words of --report, and back.
std::vector<std::string> format_names();
std::optional<Format> format_from_name(std::string_view name);

/// A report to write: `path` may be "-" for standard output.
struct ReportFile {
  Format format = Format::json;
  std::string path;
};

/// `verdict` in `format`, console without colour.
std::string render(const model::Verdict& verdict, Format format);

/// As render, in pieces.
void write(const model::Verdict& verdict, Format format, const Sink& sink);

/// Writes each report, whole or not at all; a report that cannot be written does not stop the next. Returns
/// the first error.
Status write_reports(const model::Verdict& verdict, const std::vector<ReportFile>& files,
                     const JunitInputs& merge = {});

}  // namespace leakgate::report

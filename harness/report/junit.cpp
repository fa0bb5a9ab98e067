// SPDX-License-Identifier: Apache-2.0
// JUnit XML as GitLab, Jenkins and GitHub's reporters read it. One <testsuite> per process, one <testcase>
// per test with the names the framework's own XML would use; leaks are one <failure> in it, because readers
// take the first failure only.
#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"
#include "harness/report/frame_memo.h"
#include "harness/report/junit_merge.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"
#include "harness/report/xml_printer.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxLeaksShown = 50;   // of one test
constexpr std::size_t kMaxFramesShown = 40;  // of one stack
constexpr std::size_t kMaxNameBytes = 1000;  // of one function
constexpr std::size_t kMaxTestNameBytes = 4000;
constexpr std::size_t kChunkBytes = 1 << 20;

class JunitReport {
 public:
  JunitReport(const model::Verdict& verdict, const JunitInputs& merge, const Sink& sink)
      : verdict_(verdict),
        sink_(sink),
        root_(verdict),
        merge_(merge),
        failures_(failures_beside_leaks(verdict)) {}
  void render();

 private:
  struct Counts {
    std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
    std::uint64_t duration_us = 0;
  };

  [[nodiscard]] bool is_shown(const model::JudgedTest& judged) const {
    return !judged.test.outside || judged.verdict == model::TestVerdict::leak ||
           judged.verdict == model::TestVerdict::incomplete;
  }
  [[nodiscard]] bool is_incomplete() const {
    return verdict_.summary.verdict == model::RunVerdict::incomplete;
  }
  [[nodiscard]] Counts run_counts() const {
    Counts result;
    result.errors = is_incomplete() ? 1 : 0;
    result.failures = failures_.empty() ? 0 : 1;
    result.tests = result.errors + result.failures;
    return result;
  }
  [[nodiscard]] Counts count(const std::vector<const model::JudgedTest*>& tests) const;
  [[nodiscard]] std::string class_name(const model::Test& test) const;
  void add_frame_line(const model::VerdictFrame& frame, std::string& text) const;
  [[nodiscard]] std::string failure_text(const model::JudgedTest& judged);

  void attribute(const char* name, std::string_view value) { out_.attribute(name, value); }
  void counts(const Counts& counts);
  void property(const char* name, std::string_view value);
  void run_properties();
  void suite(std::string_view name, const std::vector<const model::JudgedTest*>& tests);
  void test_case(const model::JudgedTest& judged);
  void failure(const model::JudgedTest& judged);
  void run_suite();
  void run_case(const char* name, const char* element, const char* type, std::string_view message,
                const std::string& text);

  void flush() {
    sink_(out_.text);
    out_.text.clear();
  }

  const model::Verdict& verdict_;

  /// The failure of a test as others' documents need it.
  [[nodiscard]] JunitFailure failure_of(const model::JudgedTest& judged);
  [[nodiscard]] std::vector<JunitRow> merge_rows() const;
  [[nodiscard]] std::vector<JunitProcess> merge_processes() const;
  [[nodiscard]] std::vector<std::uint32_t> in_order(std::vector<std::uint32_t> processes) const;

  const Sink& sink_;
  SourceRoot root_;
  JunitMerge merge_;
  std::vector<std::string> failures_;  ///< that are no leaks
  StringPrinter out_;
  FrameMemo frames_;
  std::map<std::pair<std::string, std::string>, unsigned> used_names_;  ///< class and name, how often
};

std::string seconds(std::uint64_t us) {
  return fmt::format("{}.{:06}", us / 1000000, us % 1000000);
}

/// What is said of a test whose leaks cannot be told; of other tests nothing.
JunitError error_of(const model::JudgedTest& judged) {
  if (judged.test.outcome == model::Outcome::crashed)
    return {"the process died in this test, its leaks cannot be told", "crashed"};
  if (judged.verdict == model::TestVerdict::incomplete)
    return {"the end of this test was never seen, its leaks cannot be told", "incomplete"};
  return {};
}

JunitReport::Counts JunitReport::count(const std::vector<const model::JudgedTest*>& tests) const {
  Counts result;
  for (const auto* judged : tests) {
    ++result.tests;
    result.duration_us += judged->test.duration_us;
    if (judged->verdict == model::TestVerdict::leak) ++result.failures;
    if (!error_of(*judged).type.empty()) ++result.errors;
    if (judged->test.outcome == model::Outcome::skipped && judged->verdict != model::TestVerdict::leak)
      ++result.skipped;
  }
  return result;
}

/// As the framework's own XML has it, so that both can be merged: GoogleTest's suite, Catch2's
/// "<program>.global".
std::string JunitReport::class_name(const model::Test& test) const {
  if (!test.outside && test.framework == model::Framework::gtest)
    if (const auto dot = test.id.find('.'); dot != std::string::npos && dot > 0)
      return test.id.substr(0, dot);
  const std::string program = program_name(verdict_, test);
  return !test.outside && test.framework == model::Framework::catch2 ? program + ".global" : program;
}

std::string case_name(const model::Test& test) {
  if (!test.outside && test.framework == model::Framework::gtest)
    if (const auto dot = test.id.find('.'); dot != std::string::npos && dot > 0)
      return test.id.substr(dot + 1);
  return test.id;
}

void JunitReport::add_frame_line(const model::VerdictFrame& frame, std::string& text) const {
  const std::string place = frame_place(frame, root_);
  (text += "at ") += shorten(frame_name(frame), kMaxNameBytes);
  if (!place.empty()) ((text += " (") += place) += ')';
  text += frame.inlined ? " [inlined]\n" : "\n";
}

/// The site first: some readers show two lines, some search the first line for a file.
std::string JunitReport::failure_text(const model::JudgedTest& judged) {
  std::string text;
  std::size_t shown = 0, left_out = 0;
  for (const auto index : judged.leaks) {
    const auto& leak = verdict_.leaks[index];
    if (leak.verdict != model::LeakVerdict::fail) continue;
    if (shown++ >= kMaxLeaksShown) {
      ++left_out;
      continue;
    }
    if (const auto site = site_of(leak)) {
      model::VerdictFrame first = *site;
      first.inlined = false;
      add_frame_line(first, text);
    }
    text += fmt::format("{}: {} {}{}{}{}, fingerprint {}\n", leak.id, amount(leak.bytes, leak.blocks),
                        kind_words(leak.kind), leak.function.empty() ? "" : ", allocated by " + leak.function,
                        leak.type.empty() ? "" : ", type " + leak.type,
                        leak.section.empty() ? "" : ", section " + leak.section, leak.fingerprint);
    for (const std::string& insight : insights(leak, root_))
      text += insight + "\n";
    for (std::size_t i = 0; i < leak.stack.size() && i < kMaxFramesShown; ++i)
      frames_.append(text += "    ", leak.stack, i,
                     [&](const auto& frame, std::string& to) { add_frame_line(frame, to); });
    if (leak.stack.size() > kMaxFramesShown)
      text += fmt::format("    and {}\n", counted(leak.stack.size() - kMaxFramesShown, "more frame"));
    if (leak.stack.truncated())
      text += fmt::format("    the stack ends here: {}\n", leak.stack.truncated_reason());
  }
  if (left_out > 0) text += fmt::format("and {}, see the JSON report\n", counted(left_out, "more leak"));
  return xml_text(text);
}

void JunitReport::counts(const Counts& counts) {
  out_.PushAttribute("tests", static_cast<std::uint64_t>(counts.tests));
  out_.PushAttribute("failures", static_cast<std::uint64_t>(counts.failures));
  out_.PushAttribute("errors", static_cast<std::uint64_t>(counts.errors));
  out_.PushAttribute("skipped", static_cast<std::uint64_t>(counts.skipped));
  attribute("time", seconds(counts.duration_us));
  if (!verdict_.run.started.empty()) attribute("timestamp", verdict_.run.started);
}

void JunitReport::property(const char* name, std::string_view value) {
  out_.OpenElement("property");
  out_.PushAttribute("name", name);
  attribute("value", value);
  out_.CloseElement();
}

JunitFailure JunitReport::failure_of(const model::JudgedTest& judged) {
  JunitFailure result;
  std::uint64_t leaks = 0;
  const model::Leak* first = nullptr;
  for (const auto index : judged.leaks) {
    const auto& leak = verdict_.leaks[index];
    if (leak.verdict != model::LeakVerdict::fail) continue;
    if (first == nullptr) first = &leak;
    result.bytes += leak.bytes, result.blocks += leak.blocks, ++leaks;
  }
  if (first == nullptr) return result;
  const std::string message =
      leaks == 1 ? leak_sentence(*first, root_)
                 : fmt::format("{} in {}, the largest: {}", amount(result.bytes, result.blocks),
                               counted(leaks, "leak"), leak_sentence(*first, root_));
  result.message = shorten(message, kMaxNameBytes);
  result.type = model::name_of(first->kind);
  result.text = failure_text(judged);
  if (!judged.test.file.empty()) result.file = xml_attribute(root_.relative_of_test(judged.test.file));
  result.line = judged.test.line;
  return result;
}

void JunitReport::failure(const model::JudgedTest& judged) {
  const JunitFailure failure = failure_of(judged);
  if (failure.type.empty()) return;
  out_.OpenElement("properties");
  property("leaked_bytes", fmt::format("{}", failure.bytes));
  property("leaked_blocks", fmt::format("{}", failure.blocks));
  out_.CloseElement();
  out_.OpenElement("failure");
  attribute("message", failure.message);
  attribute("type", failure.type);
  out_.PushText(failure.text.c_str());
  out_.CloseElement();
}

/// The tests as others' documents name them.
std::vector<JunitRow> JunitReport::merge_rows() const {
  std::vector<JunitRow> rows;
  for (std::size_t i = 0; i < verdict_.tests.size(); ++i) {
    const auto& judged = verdict_.tests[i];
    if (judged.test.outside) continue;
    const bool found = judged.verdict == model::TestVerdict::leak || !error_of(judged).type.empty();
    const std::size_t process = std::min<std::size_t>(judged.test.process, verdict_.processes.size());
    rows.push_back({i, class_name(judged.test), case_name(judged.test), judged.test.id, process, found});
  }
  return rows;
}

/// The processes, and behind them one for the tests of which none is known.
std::vector<JunitProcess> JunitReport::merge_processes() const {
  std::vector<JunitProcess> processes;
  for (const auto& process : verdict_.processes)
    processes.push_back({process.exe, process.args});
  processes.emplace_back();
  return processes;
}

/// By program and arguments: processes that run at once end now in this order, now in that.
std::vector<std::uint32_t> JunitReport::in_order(std::vector<std::uint32_t> processes) const {
  const auto key = [&](std::uint32_t index) {
    static const model::Process kUnknown;
    const auto& process = index < verdict_.processes.size() ? verdict_.processes[index] : kUnknown;
    return std::tie(process.exe, process.args);
  };
  std::stable_sort(processes.begin(), processes.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
  return processes;
}

void JunitReport::test_case(const model::JudgedTest& judged) {
  const auto& test = judged.test;
  const std::string suite_name = shorten(xml_attribute(class_name(test)), kMaxTestNameBytes);
  std::string name = shorten(xml_attribute(case_name(test)), kMaxTestNameBytes);
  // Of two rows with one name GitLab shows the first only: a repeated test gets a number.
  if (const unsigned number = ++used_names_[{suite_name, name}]; number > 1)
    name += fmt::format(" #{}", number);
  out_.OpenElement("testcase");
  attribute("classname", suite_name);
  attribute("name", name);
  if (!test.file.empty()) {
    attribute("file", root_.relative_of_test(test.file));
    if (test.line != 0) out_.PushAttribute("line", test.line);
  }
  attribute("time", seconds(test.duration_us));
  if (judged.verdict == model::TestVerdict::leak) failure(judged);
  if (const JunitError error = error_of(judged); !error.type.empty()) {
    out_.OpenElement("error");
    attribute("message", error.message);
    attribute("type", error.type);
    out_.CloseElement();
  } else if (test.outcome == model::Outcome::skipped && judged.verdict != model::TestVerdict::leak) {
    out_.OpenElement("skipped");
    out_.CloseElement();
  }
  out_.CloseElement();
  if (out_.text.size() > kChunkBytes) flush();
}

/// Numbers of the run; in each suite, because readers know properties there only.
void JunitReport::run_properties() {
  out_.OpenElement("properties");
  property("verdict", model::name_of(verdict_.summary.verdict));
  property("leaked_bytes", fmt::format("{}", verdict_.summary.leaked_bytes));
  property("leaked_blocks", fmt::format("{}", verdict_.summary.leaked_blocks));
  property("allocations", fmt::format("{}", verdict_.tracer.allocations));
  for (const auto& [cause, lost] : verdict_.tracer.lost)
    if (lost > 0) property("lost", fmt::format("{} {}", lost, cause));
  for (const auto& [cause, count] : verdict_.tracer.truncated_stacks)
    property("truncated_stacks", fmt::format("{} {}", count, cause));
  out_.CloseElement();
}

void JunitReport::suite(std::string_view name, const std::vector<const model::JudgedTest*>& tests) {
  out_.OpenElement("testsuite");
  attribute("name", name);
  counts(count(tests));
  run_properties();
  for (const auto* judged : tests)
    test_case(*judged);
  out_.CloseElement();
}

void JunitReport::run_case(const char* name, const char* element, const char* type, std::string_view message,
                           const std::string& text) {
  out_.OpenElement("testcase");
  attribute("classname", "leakgate");
  attribute("name", name);
  attribute("time", "0");
  out_.OpenElement(element);
  attribute("message", shorten(message, kMaxNameBytes));
  attribute("type", type);
  out_.PushText(xml_text(text).c_str());
  out_.CloseElement();
  out_.CloseElement();
}

/// What is wrong with the run itself, as test cases: a run that is incomplete, or fails without a failing
/// leak, must not look green where only test cases are shown.
void JunitReport::run_suite() {
  out_.OpenElement("testsuite");
  attribute("name", "leakgate");
  counts(run_counts());
  run_properties();
  std::string text;
  for (const auto& reason : verdict_.run.incomplete_reasons)
    text += fmt::format("{}: {}{}\n", reason.cause, reason.message,
                        reason.hint.empty() ? "" : "; " + reason.hint);
  if (is_incomplete()) run_case("the run is complete", "error", "incomplete", run_sentence(verdict_), text);
  text.clear();
  for (const auto& sentence : failures_)
    text += sentence + "\n";
  if (!failures_.empty()) run_case("the policy holds", "failure", "limit", failures_.front(), text);
  out_.CloseElement();
}

void JunitReport::render() {
  const auto foreign = merge_.place(merge_rows(), merge_processes(), [&](std::size_t test) {
    return JunitFindings{failure_of(verdict_.tests[test]), error_of(verdict_.tests[test])};
  });
  used_names_ = foreign.names;
  std::map<std::uint32_t, std::vector<const model::JudgedTest*>> by_process;
  std::vector<const model::JudgedTest*> all;
  for (std::size_t i = 0; i < verdict_.tests.size(); ++i) {
    const auto& judged = verdict_.tests[i];
    if (!is_shown(judged) || foreign.placed.count(i) != 0) continue;
    by_process[judged.test.process].push_back(&judged);
    all.push_back(&judged);
  }
  Counts total = count(all);
  const Counts of_run = run_counts();
  total.tests += foreign.tests, total.failures += foreign.failures;
  total.duration_us += foreign.duration_us;
  total.errors += foreign.errors, total.skipped += foreign.skipped;
  total.tests += of_run.tests, total.failures += of_run.failures, total.errors += of_run.errors;
  out_.PushDeclaration("xml version=\"1.0\" encoding=\"UTF-8\"");
  out_.OpenElement("testsuites");
  attribute("name", "leakgate");
  counts(total);
  merge_.print(out_);
  std::vector<std::uint32_t> processes;
  for (const auto& [process, tests] : by_process)
    processes.push_back(process);
  for (const auto process : in_order(std::move(processes)))
    suite(program_name(verdict_, by_process[process].front()->test), by_process[process]);
  if (of_run.tests > 0) run_suite();
  out_.CloseElement();
  out_.text += "\n";
  flush();
}

}  // namespace

void write_junit(const model::Verdict& verdict, const Sink& sink) {
  JunitReport(verdict, {}, sink).render();
}

void write_merged_junit(const model::Verdict& verdict, const JunitInputs& merge, const Sink& sink) {
  JunitReport(verdict, merge, sink).render();
}

}  // namespace leakgate::report

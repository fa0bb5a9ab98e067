// SPDX-License-Identifier: Apache-2.0
// Cutting up, writing and reading; see ctest_rows.h. The file is a line with the version, the program, and a
// record per test: "STATUS ID-BYTES TEXT-BYTES", the id, the text.
#include "harness/report/ctest_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "harness/base/text.h"
#include "harness/report/failing.h"
#include "harness/report/report.h"

namespace leakgate::report {
namespace {

constexpr std::string_view kVersion = "leakgate-rows/1";
constexpr int kLeaks = 23;
constexpr int kUnknown = 125;

using model::Verdict;

constexpr std::size_t kMaxLeaksInRow = 25;  // ctest shows them on a terminal; the rest is counted

/// The rows `tests` of `verdict` as a verdict of their own.
Verdict part_of(const Verdict& verdict, const std::vector<std::size_t>& tests) {
  Verdict part;
  part.tool_version = verdict.tool_version;
  part.run = verdict.run;
  part.processes = verdict.processes;
  bool fails = false;
  for (const auto index : tests) {
    auto judged = verdict.tests[index];
    ++part.summary.tests;
    if (judged.verdict == model::TestVerdict::leak) ++part.summary.leaking;
    for (auto& leak_index : judged.leaks) {
      auto leak = verdict.leaks[leak_index];
      leak.test = static_cast<std::uint32_t>(part.tests.size());
      leak_index = part.leaks.size();
      if (leak.verdict == model::LeakVerdict::fail) {
        fails = true;
        part.summary.leaked_bytes += leak.bytes;
        part.summary.leaked_blocks += leak.blocks;
      }
      part.leaks.push_back(std::move(leak));
    }
    part.tests.push_back(std::move(judged));
  }
  part.summary.verdict = !verdict.run.incomplete_reasons.empty() ? model::RunVerdict::incomplete
                         : fails                                 ? model::RunVerdict::fail
                                                                 : model::RunVerdict::pass;
  return part;
}

/// A test's own outcome is its own row's business; here it is only said.
std::string said_of_outcome(const Verdict& part) {
  std::string said;
  for (const auto& judged : part.tests) {
    if (judged.test.outcome == model::Outcome::failed)
      said = "note: the test itself failed; what is judged here is its leaks\n";
    if (judged.test.outcome == model::Outcome::skipped) said = "note: the test skipped itself\n";
  }
  return said;
}

bool crashed(const Verdict& part) {
  return std::any_of(part.tests.begin(), part.tests.end(), [](const model::JudgedTest& judged) {
    return judged.test.outcome == model::Outcome::crashed && !judged.test.outside;
  });
}

CtestRow make_row(const Verdict& verdict, std::string id, const std::vector<std::size_t>& tests) {
  const Verdict part = part_of(verdict, tests);
  CtestRow row;
  row.id = std::move(id);
  row.status = part.summary.verdict == model::RunVerdict::pass   ? 0
               : part.summary.verdict == model::RunVerdict::fail ? kLeaks
                                                                 : kUnknown;
  ConsoleStyle style;
  style.whole_run = false;
  style.max_leaks = kMaxLeaksInRow;
  row.text = said_of_outcome(part) + render_console(part, style);
  if (crashed(part) && row.status == 0) {
    row.status = kUnknown;
    row.text = "leakgate: incomplete: the test crashed, so its leaks cannot be told\n";
  }
  return row;
}

/// Limits are told by the rows of the leaks that exceed them; where no leak fails it is the run itself that
/// does, and a suppression that may not be unused is nobody else's either.
CtestRow row_of_run(const Verdict& verdict) {
  CtestRow row;
  for (const auto& sentence : verdict.limits_exceeded)
    row.text += fmt::format("limit: {}\n", printable(sentence));
  if (!failures_beside_leaks(verdict).empty()) row.status = kLeaks;
  for (const auto& reason : verdict.run.incomplete_reasons) {
    row.text += fmt::format("incomplete: {}\n", printable(reason.message));
    if (!reason.hint.empty()) row.text += fmt::format("  hint: {}\n", printable(reason.hint));
    row.status = kUnknown;
  }
  return row;
}

std::string head_of(const CtestRow& row) {
  return fmt::format("{} {} {}\n", row.status, row.id.size(), row.text.size());
}

/// Takes pieces off the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> line() {
    const auto end = rest_.find('\n');
    if (end == std::string_view::npos) return {};
    const auto line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return line;
  }
  std::optional<std::string_view> bytes(std::size_t count) {
    if (count > rest_.size()) return {};
    const auto piece = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return piece;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Numbers with one space between them.
std::optional<std::vector<std::size_t>> numbers(std::string_view line, std::size_t count) {
  std::vector<std::size_t> found;
  for (const char* at = line.data(); found.size() < count;) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(at, line.data() + line.size(), value);
    if (error != std::errc()) return {};
    found.push_back(value);
    const bool last = found.size() == count;
    if (last != (end == line.data() + line.size()) || (!last && *end != ' ')) return {};
    at = end + 1;
  }
  return found;
}

Error broken() {
  return Error{ErrorKind::format, "the rows of the traced run are damaged",
               "run the test that writes them again", 0};
}

}  // namespace

void write_ctest_rows(const Verdict& verdict, const Sink& sink) {
  std::string program;
  for (const auto& process : verdict.processes)
    if (program.empty() && process.role == model::ProcessRole::judged) program = process.exe;
  program = printable(program);
  sink(fmt::format("{}\n{}\n{}\n", kVersion, program.size(), program));
  const auto record = [&](const CtestRow& row) { sink(head_of(row) + row.id + row.text + "\n"); };
  record(row_of_run(verdict));
  std::map<std::string, std::vector<std::size_t>> by_id;
  for (std::size_t i = 0; i < verdict.tests.size(); ++i)
    by_id[printable(verdict.tests[i].test.id)].push_back(i);
  for (const auto& [id, tests] : by_id)
    if (!id.empty()) record(make_row(verdict, id, tests));
  sink("end\n");
}

Result<CtestRows> parse_ctest_rows(std::string_view text) {
  Reader reader(text);
  CtestRows rows;
  if (const auto version = reader.line(); !version || *version != kVersion) return broken();
  const auto length = reader.line();
  const auto program_bytes = length ? numbers(*length, 1) : std::nullopt;
  const auto program = program_bytes ? reader.bytes(program_bytes->front()) : std::nullopt;
  if (!program || reader.bytes(1) != "\n") return broken();
  rows.program = *program;
  for (auto line = reader.line(); line && *line != "end"; line = reader.line()) {
    const auto head = numbers(*line, 3);
    if (!head || (*head)[0] > 255) return broken();
    const auto id = reader.bytes((*head)[1]);
    const auto said = id ? reader.bytes((*head)[2]) : std::nullopt;
    if (!said || reader.bytes(1) != "\n") return broken();
    rows.rows.push_back({static_cast<int>((*head)[0]), std::string(*id), std::string(*said)});
  }
  if (!reader.empty() || !text.ends_with("\nend\n")) return broken();
  return rows;
}

CtestRow row_of(const CtestRows& rows, std::string_view id) {
  for (const auto& row : rows.rows)
    if (!row.id.empty() && row.id == printable(id)) return row;
  CtestRow missing{kUnknown, std::string(id), ""};
  for (const auto& row : rows.rows)
    if (row.id.empty()) missing.text = row.text;
  missing.text += "leakgate: incomplete: this test did not run, or its start was not seen\n";
  return missing;
}

CtestRow row_of_others(const CtestRows& rows, const std::vector<std::string>& ids) {
  std::set<std::string> known;
  for (const auto& id : ids)
    known.insert(printable(id));
  CtestRow all;
  for (const auto& row : rows.rows) {
    if (known.count(row.id) != 0) continue;
    all.status = std::max(all.status, row.status);
    if (row.status != 0) all.text += row.text;
  }
  if (all.status == 0)
    all.text = "leakgate: pass: nothing leaked outside the tests that have rows of their own\n";
  return all;
}

}  // namespace leakgate::report

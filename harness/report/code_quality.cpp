// SPDX-License-Identifier: Apache-2.0
// GitLab's code quality report: one list, one entry per failing leak, each with a fingerprint of its own,
// because entries with one fingerprint are one row.
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "harness/base/fnv1a.h"
#include "harness/base/json_writer.h"
#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxTextBytes = 1000;

std::string_view severity_word(model::Severity severity) {
  constexpr std::string_view kWords[] = {"minor", "major", "critical", "blocker"};
  return kWords[static_cast<std::size_t>(severity)];
}

/// A relative path and a line: the site, else the test case, else the program's name.
std::pair<std::string, std::uint32_t> place_of(const model::Verdict& verdict, const model::Leak& leak,
                                               const SourceRoot& root) {
  const auto inside = [&](std::string_view file) {
    return root.contains(file) && !root.relative(file).starts_with('/');
  };
  if (const auto site = site_of(leak); site && inside(site->file))
    return {root.relative(site->file), std::max(site->line, 1u)};
  if (leak.test >= verdict.tests.size()) return {"unknown", 1};
  const auto& test = verdict.tests[leak.test].test;
  if (inside(test.file)) return {root.relative_of_test(test.file), std::max(test.line, 1u)};
  return {program_name(verdict, test), 1};
}

struct Entry {
  std::string description, fingerprint, path;
  std::string_view check;
  model::Severity severity = model::Severity::high;
  std::uint32_t line = 1;
};

void write_entry(JsonWriter& out, Entry entry, std::map<std::string, unsigned>& used) {
  if (const unsigned number = ++used[entry.fingerprint]; number > 1)
    entry.fingerprint += fmt::format("-{}", number);
  out.begin_object();
  out.member("description", shorten(repair_utf8(entry.description), kMaxTextBytes));
  out.member("check_name", "leakgate/" + std::string(entry.check));
  out.member("fingerprint", entry.fingerprint);
  out.member("severity", severity_word(entry.severity));
  out.begin_object("location");
  out.member("path", entry.path);
  out.begin_object("lines");
  out.member("begin", entry.line);
  out.end_object();
  out.end_object();
  out.end_object();
}

/// What fails and is no leak stands at the policy's file, or at the program's name.
void write_failures(JsonWriter& out, const model::Verdict& verdict, const SourceRoot& root,
                    std::map<std::string, unsigned>& used) {
  for (const auto& sentence : failures_beside_leaks(verdict)) {
    Entry entry;
    entry.description = sentence;
    entry.check = kLimitExceeded;
    entry.fingerprint = "limit-" + failure_identity(sentence);
    entry.path = root.relative(failure_place(verdict, root));
    write_entry(out, std::move(entry), used);
  }
}

}  // namespace

void write_code_quality(const model::Verdict& verdict, const Sink& sink) {
  const SourceRoot root(verdict);
  std::map<std::string, unsigned> used;
  JsonWriter out(1, sink);
  out.begin_array();
  for (const auto* leak : worst_first(verdict)) {
    const std::string test = test_of(verdict, *leak);
    Entry entry;
    entry.description = fmt::format("{} leaked in test {}: {}", amount(leak->bytes, leak->blocks),
                                    shorten(test, 200), leak_sentence(*leak, root));
    entry.check = model::name_of(leak->kind);
    entry.fingerprint = fmt::format("{}-{:016x}", leak->fingerprint, fnv1a(test));
    entry.severity = leak->severity;
    std::tie(entry.path, entry.line) = place_of(verdict, *leak, root);
    write_entry(out, std::move(entry), used);
  }
  write_failures(out, verdict, root, used);
  out.end_array();
  out.finish();
}

}  // namespace leakgate::report

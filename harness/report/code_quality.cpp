// SPDX-License-Identifier: Apache-2.0
// GitLab's code quality report: one list, one entry per failing leak, each with a fingerprint of its own,
// because entries with one fingerprint are one row.
#include <map>

#include <fmt/format.h>

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

std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325ull;  // FNV-1a
  for (const char c : text)
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return value;
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
  if (inside(test.file)) return {root.relative(test.file), std::max(test.line, 1u)};
  return {program_name(verdict, test), 1};
}

}  // namespace

void write_code_quality(const model::Verdict& verdict, const Sink& sink) {
  const SourceRoot root(verdict);
  std::map<std::string, unsigned> used;
  JsonWriter out(1, sink);
  out.begin_array();
  for (const auto* leak : worst_first(verdict)) {
    const std::string test = test_of(verdict, *leak);
    std::string fingerprint = fmt::format("{}-{:016x}", leak->fingerprint, hash(test));
    if (const unsigned number = ++used[fingerprint]; number > 1) fingerprint += fmt::format("-{}", number);
    const auto [path, line] = place_of(verdict, *leak, root);
    out.begin_object();
    out.member("description",
               shorten(repair_utf8(fmt::format("{} leaked in test {}: {}", amount(leak->bytes, leak->blocks),
                                               shorten(test, 200), leak_sentence(*leak, root))),
                       kMaxTextBytes));
    out.member("check_name", "leakgate/" + std::string(model::name_of(leak->kind)));
    out.member("fingerprint", fingerprint);
    out.member("severity", severity_word(leak->severity));
    out.begin_object("location");
    out.member("path", path);
    out.begin_object("lines");
    out.member("begin", line);
    out.end_object();
    out.end_object();
    out.end_object();
  }
  out.end_array();
  out.finish();
}

}  // namespace leakgate::report

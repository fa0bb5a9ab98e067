// SPDX-License-Identifier: Apache-2.0
// GitHub's workflow commands: an annotation for each of the worst leaks. GitHub shows ten per type and step,
// so that is what is written, and one notice that counts the rest. Text from the target cannot become a
// command: line ends and percent signs are escaped, and a command begins a line.
#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxAnnotations = 9;  // and the notice
constexpr std::size_t kMaxTextBytes = 2000;

/// As GitHub's own toolkit escapes the data of a command, and, for `property`, a property's value.
std::string escaped(std::string_view text, bool property) {
  std::string out;
  for (const char c : shorten(repair_utf8(text), kMaxTextBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ',')))
      out += fmt::format("%{:02X}", byte);
    else if (byte < 0x20 || byte == 0x7f)
      out += '?';
    else
      out += c;
  }
  return out;
}

std::string place_of(const model::Leak& leak, const SourceRoot& root) {
  const auto site = site_of(leak);
  if (!site || site->file.empty() || !root.contains(site->file)) return {};
  std::string text = "file=" + escaped(root.relative(site->file), true);
  if (site->line > 0) text += fmt::format(",line={0},endLine={0}", site->line);
  return text + ",";
}

}  // namespace

void write_github_annotations(const model::Verdict& verdict, const Sink& sink) {
  const SourceRoot root(verdict);
  const auto leaks = worst_first(verdict);
  for (std::size_t i = 0; i < leaks.size() && i < kMaxAnnotations; ++i) {
    const auto& leak = *leaks[i];
    const std::string test = test_of(verdict, leak);
    std::string told = leak_sentence(leak, root);
    for (const std::string& insight : insights(leak, root))
      told += "\n" + insight;
    sink(fmt::format("::error {}title={}::{}\n", place_of(leak, root),
                     escaped("leak in " + shorten(test, 200), true),
                     escaped(told + "\n" + std::string(leak.recommendation), false)));
  }
  if (leaks.size() > kMaxAnnotations)
    sink(fmt::format("::notice title=leakgate::{} not shown here, see the reports\n",
                     counted(leaks.size() - kMaxAnnotations, "more leak")));
  std::string told = run_sentence(verdict);
  const auto failures = failures_beside_leaks(verdict);
  for (const auto& sentence : failures)
    if (told.find(sentence) == std::string::npos) told += "\n" + sentence;
  const bool is_error = verdict.summary.verdict == model::RunVerdict::incomplete || !failures.empty();
  sink(fmt::format("::{} title=leakgate::{}\n", is_error ? "error" : "notice", escaped(told, false)));
}

}  // namespace leakgate::report

// SPDX-License-Identifier: Apache-2.0
// A gdb command file: a breakpoint on the line of each of the worst leaks, which tells the leak and shows the
// stack. gdb's language has no quoting that holds for any text, so a place with odd characters is left out,
// and said to be.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/report/failing.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxBreakpoints = 20;

bool is_plain(std::string_view text) {
  constexpr std::string_view kMarks = "_-+./:~<>, ()&*";
  return !text.empty() && text.size() < 1000 && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

/// For gdb's echo and comments.
std::string harmless(std::string_view text) {
  std::string out = printable(shorten(text, 300));
  std::replace_if(
      out.begin(), out.end(),
      [](char c) { return c == '\\' || c == '"' || c == '%' || c == '`' || c == '$' || c == '#'; }, '?');
  return out;
}

/// What gdb's break takes; empty if nothing can be said.
std::string location(const model::Leak& leak) {
  const auto site = site_of(leak);
  if (!site) return {};
  if (is_plain(site->file) && site->line > 0)
    return fmt::format("-source \"{}\" -line {}", site->file, site->line);
  return is_plain(site->function) ? fmt::format("-function \"{}\"", site->function) : std::string();
}

}  // namespace

void write_gdb(const model::Verdict& verdict, const Sink& sink) {
  const SourceRoot root(verdict);
  const auto leaks = worst_first(verdict);
  std::string text = "# SPDX-License-Identifier: CC0-1.0\n# gdb -x THIS_FILE --args PROGRAM ARGUMENTS...\n";
  text += "set pagination off\nset breakpoint pending on\nset print thread-events off\n";
  std::set<std::string> seen;
  for (const auto* leak : leaks) {
    if (seen.size() >= kMaxBreakpoints) break;
    const std::string place = location(*leak);
    text += fmt::format("\n# {}: {}\n", leak->id, harmless(leak_sentence(*leak, root)));
    if (leak->test < verdict.tests.size() && !verdict.tests[leak->test].rerun.empty())
      text += fmt::format("# runs just this test: {}\n", harmless(verdict.tests[leak->test].rerun));
    if (place.empty()) {
      text += "# no breakpoint: the place cannot be written in gdb's language\n";
      continue;
    }
    if (!seen.insert(place).second) {
      text += "# the breakpoint above stops here too\n";
      continue;
    }
    text += fmt::format("break {}\ncommands\nsilent\necho \\nleakgate: {} {}\\n\nbacktrace 16\nend\n", place,
                        leak->id, harmless(leak_sentence(*leak, root)));
  }
  if (leaks.size() > seen.size())
    text += fmt::format("\n# {} of {}\n", counted(seen.size(), "breakpoint"), counted(leaks.size(), "leak"));
  sink(text + "\nrun\n");
}

}  // namespace leakgate::report

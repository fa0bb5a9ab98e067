// SPDX-License-Identifier: Apache-2.0
// Reports of one line per thing: collapsed stacks for flame graphs ("program;test;outer;inner bytes"), and
// lines for editors' problem matchers ("file:line:column: error: message").
#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"
#include "harness/report/frame_memo.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxNameBytes = 500;
constexpr std::size_t kChunkBytes = 1 << 16;

/// Text between semicolons, and before the blank that the number follows.
std::string element(std::string_view text) {
  std::string out = printable(shorten(text, kMaxNameBytes));
  for (char& c : out)
    if (c == ';') c = ':';
  return out.empty() ? "unknown" : out;
}

}  // namespace

void write_collapsed(const model::Verdict& verdict, const Sink& sink) {
  std::string text;
  FrameMemo frames;
  for (const auto& leak : verdict.leaks) {
    if (leak.test < verdict.tests.size()) {
      const auto& test = verdict.tests[leak.test].test;
      text += element(program_name(verdict, test)) + ";" + element(test.id) + ";";
    }
    for (std::size_t i = leak.stack.size(); i-- > 0;)
      frames.append(text, leak.stack, i,
                    [](const auto& frame, std::string& to) { (to += element(frame_name(frame))) += ';'; });
    text += fmt::format("{} {}\n", element(leak.function), leak.bytes);
    if (text.size() < kChunkBytes) continue;
    sink(text);
    text.clear();
  }
  sink(text);
}

void write_problem_matcher(const model::Verdict& verdict, const Sink& sink) {
  const SourceRoot root(verdict);
  for (const auto* leak : worst_first(verdict)) {
    const auto site = site_of(*leak);
    const bool has_place = site && !site->file.empty();
    const std::string file = has_place ? printable(shorten(root.relative(site->file), 4096)) : "unknown";
    const bool certain =
        leak->kind != model::Kind::possibly_lost && leak->kind != model::Kind::still_reachable;
    sink(fmt::format("{}:{}:{}: {}: {} [{}]\n", file, has_place ? std::max(site->line, 1u) : 1,
                     has_place ? std::max(site->column, 1u) : 1, certain ? "error" : "warning",
                     printable(shorten(fmt::format("{}, leaked in test {}", leak_sentence(*leak, root),
                                                   shorten(test_of(verdict, *leak), 200)),
                                       1000)),
                     model::name_of(leak->kind)));
  }
}

}  // namespace leakgate::report

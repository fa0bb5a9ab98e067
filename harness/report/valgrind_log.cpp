// SPDX-License-Identifier: Apache-2.0
// Valgrind's memcheck log, the lines that CTest's parser counts and those people read around them: one loss
// record per failing leak, least first as Valgrind has it. Blocks that were not classified are called
// possibly lost, which claims least.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"
#include "harness/report/frame_memo.h"
#include "harness/report/report.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxNameBytes = 1000;

std::string_view kind_words_of(model::Kind kind) {
  switch (kind) {
    case model::Kind::definitely_lost:
      return "definitely lost";
    case model::Kind::indirectly_lost:
      return "indirectly lost";
    case model::Kind::still_reachable:
      return "still reachable";
    case model::Kind::possibly_lost:
    case model::Kind::unclassified:
      break;
  }
  return "possibly lost";
}

std::int32_t pid_of(const model::Verdict& verdict, const model::Leak* leak) {
  if (leak != nullptr && leak->test < verdict.tests.size() && verdict.tests[leak->test].pid != 0)
    return verdict.tests[leak->test].pid;
  for (const auto& process : verdict.processes)
    if (process.role == model::ProcessRole::judged) return process.pid;
  return 0;
}

std::string place_of(const model::VerdictFrame& frame) {
  if (!frame.file.empty())
    return frame.line > 0 ? fmt::format(" ({}:{})", base_name(frame.file), frame.line)
                          : fmt::format(" ({})", base_name(frame.file));
  return frame.module.empty() ? "" : fmt::format(" (in {})", frame.module);
}

void add_frame(const model::VerdictFrame& frame, std::string& text) {
  const std::string name = frame.function.empty() ? "???" : printable(shorten(frame.function, kMaxNameBytes));
  fmt::format_to(std::back_inserter(text), " {:#x}: ", frame.offset);
  ((text += name) += printable(place_of(frame))) += '\n';
}

/// One loss record, with an empty line behind it.
std::string record(const model::Verdict& verdict, const model::Leak& leak, std::size_t number,
                   std::size_t count, FrameMemo& known) {
  const std::string margin = fmt::format("=={}== ", pid_of(verdict, &leak));
  std::string text = fmt::format("{}{} bytes in {} blocks are {} in loss record {} of {}\n", margin,
                                 leak.bytes, leak.blocks, kind_words_of(leak.kind), number, count);
  std::string_view word = "   at";
  for (std::size_t i = 0; i < leak.stack.size(); ++i) {
    (text += margin) += word;
    known.append(text, leak.stack, i, add_frame);
    word = "   by";
  }
  text += fmt::format("{}   in test {}\n{}\n", margin,
                      printable(shorten(test_of(verdict, leak), kMaxNameBytes)), margin);
  return text;
}

}  // namespace

void write_valgrind_log(const model::Verdict& verdict, const Sink& sink) {
  const std::string margin = fmt::format("=={}== ", pid_of(verdict, nullptr));
  auto leaks = worst_first(verdict);
  std::stable_sort(leaks.begin(), leaks.end(),
                   [](const auto* a, const auto* b) { return a->bytes < b->bytes; });
  FrameMemo known;
  for (std::size_t i = 0; i < leaks.size(); ++i)
    sink(record(verdict, *leaks[i], i + 1, leaks.size(), known));
  for (const auto& reason : verdict.run.incomplete_reasons)
    sink(fmt::format("{}leakgate: the run is incomplete: {}\n", margin, printable(reason.message)));
  std::uint64_t suppressed = 0, used = 0;
  for (const auto& use : verdict.suppressions) {
    suppressed += use.leaks;
    used += use.leaks > 0;
  }
  sink(fmt::format("{}ERROR SUMMARY: {} errors from {} contexts (suppressed: {} from {})\n", margin,
                   leaks.size(), leaks.size(), suppressed, used));
}

}  // namespace leakgate::report

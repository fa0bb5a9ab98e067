// SPDX-License-Identifier: Apache-2.0
// The message in a failing test; see answer_text.h.
#include "harness/report/answer_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMostLeaks = 10;
constexpr std::size_t kMostFrames = 12;  // of one stack
constexpr std::size_t kMostNameBytes = 200;

std::string shown(std::string_view text) {
  return printable(shorten(std::string(text), kMostNameBytes));
}

/// Where a framework calls the test: what comes after tells nobody anything.
bool calls_test(std::string_view function) {
  for (const std::string_view start :
       {"testing::internal::HandleExceptionsInMethodIfSupported",
        "testing::internal::HandleSehExceptionsInMethodIfSupported", "testing::Test::Run",
        "Catch::RunContext::", "Catch::TestInvoker", "Catch::TestCase::invoke", "doctest::Context::run",
        "boost::unit_test::"})
    if (function.starts_with(start)) return true;
  return false;
}

/// The outermost frame of the project below the framework. Paths that lead upwards are those of libraries, as
/// they were built.
std::size_t last_own(const model::Leak& leak, const SourceRoot& root) {
  std::size_t last = leak.stack.size();
  for (std::size_t i = 0; i < leak.stack.size(); ++i) {
    const auto file = leak.stack[i].file;
    if (calls_test(leak.stack[i].function)) break;
    if (i == leak.site || (root.contains(file) && !file.starts_with("../"))) last = i;
  }
  return last;
}

void add_stack(std::string& text, const model::Leak& leak, const SourceRoot& root) {
  const std::size_t last = last_own(leak, root);
  const std::size_t end = last < leak.stack.size() ? last + 1 : leak.stack.size();
  for (std::size_t i = 0; i < std::min(end, kMostFrames); ++i) {
    const model::VerdictFrame frame = leak.stack[i];
    text += fmt::format("    {} #{} {} at {}\n", i == leak.site ? '>' : ' ', i, shown(frame_name(frame)),
                        shown(frame_place(frame, root)));
  }
  if (end > kMostFrames) text += fmt::format("      ... {}\n", counted(end - kMostFrames, "more frame"));
}

void add_leak(std::string& text, const model::Leak& leak, const SourceRoot& root) {
  text += fmt::format("  {}\n", printable(shorten(leak_sentence(leak, root), 3 * kMostNameBytes)));
  if (!leak.type.empty()) text += fmt::format("    type {}\n", shown(leak.type));
  if (leak.cycle) text += "    they hold each other: a cycle\n";
  for (const std::string& holder : leak.retained_by)
    text += fmt::format("    held by {}\n", shown(holder));
  add_stack(text, leak, root);
}

}  // namespace

std::string answer_text(const model::Verdict& verdict) {
  const SourceRoot root(verdict);
  std::string text = fmt::format("leakgate: {} leaked\n",
                                 amount(verdict.summary.leaked_bytes, verdict.summary.leaked_blocks));
  std::size_t left_out = 0;
  std::size_t shown_leaks = 0;
  for (const model::Leak& leak : verdict.leaks) {
    if (leak.verdict != model::LeakVerdict::fail) continue;
    if (shown_leaks++ < kMostLeaks)
      add_leak(text, leak, root);
    else
      ++left_out;
  }
  if (left_out != 0) text += fmt::format("  and {}\n", counted(left_out, "more leak"));
  return text;
}

}  // namespace leakgate::report

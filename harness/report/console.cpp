// SPDX-License-Identifier: Apache-2.0
// The report for people: leaks by test, then what is incomplete, then the summary and one line for grep.
// Bounded, so that a run with 100,000 leaks can be read; text from the target is made safe for a terminal.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxNameBytes = 160;
constexpr std::size_t kCollapseFrom = 3;  // as many foreign frames in a row become one line
constexpr std::size_t kMaxPlaceWidth = 40;

enum class Tint { red, green, yellow, bold, dim };

class ConsoleReport {
 public:
  ConsoleReport(const model::Verdict& verdict, const ConsoleStyle& style)
      : verdict_(verdict), style_(style), root_(verdict) {}
  std::string render();

 private:
  [[nodiscard]] std::string tinted(Tint tint, std::string_view text) const;
  [[nodiscard]] std::string shown(std::string_view text) const {
    return printable(style_.verbose ? std::string(text) : shorten(text, kMaxNameBytes));
  }
  [[nodiscard]] bool is_shown(const model::Leak& leak) const {
    return style_.verbose || leak.verdict == model::LeakVerdict::fail;
  }
  void line(std::string_view text = {}) { (out_ += text) += '\n'; }
  void test(const model::JudgedTest& judged);
  void leak(const model::Leak& leak);
  void stack(const model::Leak& leak);
  void frame(const model::VerdictFrame& frame, std::size_t index, bool is_site, std::size_t width);
  void collapsed(const model::Leak& leak, std::size_t begin, std::size_t end);
  void incomplete();
  void policy();
  void summary();

  const model::Verdict& verdict_;
  const ConsoleStyle& style_;
  SourceRoot root_;
  std::string out_;
  std::size_t leaks_shown_ = 0;
  std::size_t leaks_left_out_ = 0;
};

std::string ConsoleReport::tinted(Tint tint, std::string_view text) const {
  if (!style_.colour) return std::string(text);
  constexpr std::string_view kCodes[] = {"1;31", "1;32", "1;33", "1", "2"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(tint)], text);
}

std::string padded_label(model::TestVerdict verdict) {
  switch (verdict) {
    case model::TestVerdict::leak:
      return "LEAK";
    case model::TestVerdict::incomplete:
      return "INCOMPLETE";
    case model::TestVerdict::allowed:
      return "ALLOWED";
    case model::TestVerdict::clean:
      break;
  }
  return "CLEAN";
}

void ConsoleReport::test(const model::JudgedTest& judged) {
  const bool any = std::any_of(judged.leaks.begin(), judged.leaks.end(),
                               [&](auto i) { return is_shown(verdict_.leaks[i]); });
  if (!any && judged.verdict != model::TestVerdict::incomplete) return;
  std::uint64_t bytes = 0, blocks = 0;
  for (const auto index : judged.leaks) {
    const auto& one = verdict_.leaks[index];
    if (one.verdict != model::LeakVerdict::fail) continue;
    bytes += one.bytes, blocks += one.blocks;
  }
  const auto tint = judged.verdict == model::TestVerdict::leak         ? Tint::red
                    : judged.verdict == model::TestVerdict::incomplete ? Tint::yellow
                                                                       : Tint::green;
  const auto& test = judged.test;
  std::string head = tinted(tint, padded_label(judged.verdict)) + "  " + tinted(Tint::bold, shown(test.id));
  if (!test.file.empty())
    head += tinted(Tint::dim, fmt::format("  {}{}", shown(root_.relative_of_test(test.file)),
                                          test.line ? fmt::format(":{}", test.line) : ""));
  if (test.outside)
    head += tinted(Tint::dim,
                   fmt::format("  of {}, process {}", shown(program_name(verdict_, test)), judged.pid));
  if (blocks > 0) head += "  " + amount(bytes, blocks);
  if (test.outcome == model::Outcome::crashed) head += tinted(Tint::yellow, "  crashed");
  line(head);
  if (judged.verdict == model::TestVerdict::incomplete)
    line("  the end of this test was never seen, its leaks cannot be told");
  for (const auto index : judged.leaks) {
    if (!is_shown(verdict_.leaks[index])) continue;
    if (!style_.verbose && leaks_shown_ >= style_.max_leaks) {
      ++leaks_left_out_;
      continue;
    }
    ++leaks_shown_;
    leak(verdict_.leaks[index]);
  }
  line();
}

void ConsoleReport::leak(const model::Leak& leak) {
  const bool fails = leak.verdict == model::LeakVerdict::fail;
  line(fmt::format(
      "  {}  {}", tinted(Tint::dim, leak.id),
      tinted(fails ? Tint::red : Tint::dim,
             printable(style_.verbose ? leak_sentence(leak, root_)
                                      : shorten(leak_sentence(leak, root_), 3 * kMaxNameBytes)))));
  if (!leak.type.empty())
    line(fmt::format("      type {}{}", shown(leak.type), leak.cycle ? ", in a cycle" : ""));
  if (!fails) {
    std::string word(model::name_of(leak.verdict));
    std::replace(word.begin(), word.end(), '_', ' ');
    line(fmt::format("      {}: {}", tinted(Tint::green, word), shown(leak.reason)));
  }
  for (std::size_t i = 0; i < leak.retained_by.size(); ++i)
    line(fmt::format("      {} {}", i == 0 ? "held by" : "     ->", shown(leak.retained_by[i])));
  stack(leak);
  for (const std::string& line_of : {growth_sentence(leak), recurrence_sentence(leak)})
    if (fails && !line_of.empty()) line("      " + line_of);
  if (const std::string ages = age_sentence(leak); style_.verbose && !ages.empty()) line("      " + ages);
  if (style_.verbose && !pattern_words(leak.pattern).empty())
    line(fmt::format("      {}", pattern_words(leak.pattern)));
  if (const std::string freed = freed_sentence(leak, root_); style_.verbose && !freed.empty())
    line("      " + shown(freed));
  if (fails && style_.verbose && !leak.recommendation.empty())
    line(fmt::format("      {}", leak.recommendation));
  if (style_.verbose)
    line(tinted(Tint::dim, fmt::format("      {}, severity {}, confidence {:.2f}, age {:.3f} to {:.3f} s",
                                       leak.fingerprint, model::name_of(leak.severity), leak.confidence,
                                       static_cast<double>(leak.age_min_ms) / 1e3,
                                       static_cast<double>(leak.age_max_ms) / 1e3)));
}

void ConsoleReport::frame(const model::VerdictFrame& frame, std::size_t index, bool is_site,
                          std::size_t width) {
  std::string name = shown(frame_name(frame));
  if (frame.inlined) name += tinted(Tint::dim, " [inlined]");
  const std::string place = shown(frame_place(frame, root_));
  const std::string text =
      fmt::format("#{:<3}{:<{}}  {}", index, place, width, is_site ? tinted(Tint::bold, name) : name);
  line(fmt::format("    {} {}", is_site ? tinted(Tint::red, ">") : " ", text));
}

/// One line for frames outside the project: "... 7 frames in libgtest.so, libc.so.6".
void ConsoleReport::collapsed(const model::Leak& leak, std::size_t begin, std::size_t end) {
  std::vector<std::string> modules;
  for (std::size_t i = begin; i < end; ++i) {
    const std::string name = shown(base_name(leak.stack[i].module));
    if (!name.empty() && std::find(modules.begin(), modules.end(), name) == modules.end())
      modules.push_back(name);
  }
  std::string text = fmt::format("... {}", counted(end - begin, "frame"));
  for (std::size_t i = 0; i < modules.size() && i < 4; ++i)
    text += (i == 0 ? " in " : ", ") + modules[i];
  line(tinted(Tint::dim, "      " + text));
}

void ConsoleReport::stack(const model::Leak& leak) {
  std::vector<bool> owned(leak.stack.size());
  bool any_own = false;
  for (std::size_t i = 0; i < owned.size(); ++i) {
    const bool contained = root_.contains(leak.stack[i].file);
    any_own = any_own || contained;
    owned[i] = contained || i == leak.site;
  }
  const auto own = [&](std::size_t i) -> bool { return owned[i]; };
  const bool collapses = any_own && !style_.verbose;
  std::size_t width = 0;
  for (std::size_t i = 0; i < leak.stack.size(); ++i)
    if (own(i) || !any_own) width = std::max(width, shown(frame_place(leak.stack[i], root_)).size());
  width = std::min(width, kMaxPlaceWidth);
  std::size_t shown_frames = 0;
  for (std::size_t i = 0; i < leak.stack.size();) {
    if (!style_.verbose && shown_frames >= style_.max_frames) {
      collapsed(leak, i, leak.stack.size());
      break;
    }
    std::size_t end = i;
    while (end < leak.stack.size() && !own(end))
      ++end;
    if (collapses && end - i >= kCollapseFrom) {
      collapsed(leak, i, end);
      i = end;
    } else {
      frame(leak.stack[i], i, i == leak.site, width);
      ++i;
    }
    ++shown_frames;
  }
  if (leak.stack.truncated())
    line(tinted(Tint::yellow,
                fmt::format("      the stack ends here: {}", shown(leak.stack.truncated_reason()))));
}

void ConsoleReport::incomplete() {
  if (verdict_.run.incomplete_reasons.empty()) return;
  line(tinted(Tint::yellow, "The run is incomplete, so it is not a pass:"));
  for (const auto& reason : verdict_.run.incomplete_reasons) {
    line(fmt::format("  {}: {}", shown(reason.cause), printable(reason.message)));
    if (!reason.hint.empty()) line(fmt::format("      hint: {}", printable(reason.hint)));
  }
  line();
}

/// What the policy brought in: suppressions by use, the comparison with the baseline.
void ConsoleReport::policy() {
  if (style_.verbose && !verdict_.policy_file.empty())
    line(tinted(Tint::dim, fmt::format("policy: {}", shown(verdict_.policy_file))));
  for (const auto& use : verdict_.suppressions) {
    const std::string about = fmt::format("suppression {}: {}", shown(use.source), shown(use.text));
    if (use.state == model::SuppressionState::used)
      line(tinted(Tint::dim, fmt::format("{}: {}, {}", about, counted(use.leaks, "leak"),
                                         amount(use.bytes, use.blocks))));
    else if (use.state == model::SuppressionState::exceeded)
      line(tinted(Tint::yellow, fmt::format("{}: exceeded by {}, {}, and hides none", about,
                                            counted(use.leaks, "leak"), amount(use.bytes, use.blocks))));
    else
      line(tinted(Tint::yellow, fmt::format("{}: {}{}", about, model::name_of(use.state),
                                            use.expires.empty() ? "" : " (" + shown(use.expires) + ")")));
  }
  if (verdict_.baseline.file.empty()) return;
  std::size_t counts[6] = {};
  for (const auto& row : verdict_.baseline.rows)
    ++counts[static_cast<std::size_t>(row.state)];
  std::string text = "baseline: ";
  for (std::size_t i = 1; i < std::size(counts); ++i)
    text += fmt::format("{}{} {}", i == 1 ? "" : ", ", counts[i],
                        model::name_of(static_cast<model::BaselineState>(i)));
  line(tinted(Tint::dim, text));
}

void ConsoleReport::summary() {
  std::uint64_t counts[4] = {};
  for (const auto& one : verdict_.leaks)
    ++counts[static_cast<std::size_t>(one.verdict)];
  if (leaks_left_out_ > 0)
    line(fmt::format("{} not shown here; the JSON report and -v have all\n",
                     counted(leaks_left_out_, "more leak")));
  if (!style_.whole_run) return line("leakgate: " + printable(run_sentence(verdict_)));
  for (const auto& note : verdict_.tracer.notes)
    line(tinted(Tint::dim, fmt::format("note: {}", printable(note))));
  policy();
  for (const auto& limit : verdict_.limits_exceeded)
    line(tinted(Tint::red, fmt::format("limit: {}", printable(limit))));
  std::string others;
  for (const auto kind :
       {model::LeakVerdict::allowed, model::LeakVerdict::suppressed, model::LeakVerdict::below_threshold}) {
    if (counts[static_cast<std::size_t>(kind)] == 0) continue;
    std::string word(model::name_of(kind));
    std::replace(word.begin(), word.end(), '_', ' ');
    others +=
        fmt::format("{}{} {}", others.empty() ? "" : ", ", counts[static_cast<std::size_t>(kind)], word);
  }
  if (!others.empty())
    line(tinted(Tint::dim, fmt::format("not failing: {} ({})", others,
                                       style_.verbose ? "shown above" : "-v shows them")));
  const auto& tracer = verdict_.tracer;
  line(tinted(Tint::dim,
              fmt::format("traced: {}, {}, at most {} live", counted(tracer.allocations, "allocation"),
                          counted(tracer.frees, "free"), counted(tracer.peak_live_bytes, "byte"))));
  line("leakgate: " + printable(run_sentence(verdict_)));
}

std::string ConsoleReport::render() {
  for (const auto& judged : verdict_.tests)
    test(judged);
  incomplete();
  summary();
  return std::move(out_);
}

}  // namespace

std::string render_console(const model::Verdict& verdict, const ConsoleStyle& style) {
  return ConsoleReport(verdict, style).render();
}

}  // namespace leakgate::report

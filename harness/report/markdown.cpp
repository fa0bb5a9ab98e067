// SPDX-License-Identifier: Apache-2.0
// Markdown for a comment on a pull request and for GitHub's job summary: verdict, a table of the worst leaks,
// their stacks to unfold. Bounded below what GitHub takes; text from the target is written as character
// references, so that it is text in every dialect.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxNameBytes = 200;
constexpr std::size_t kMaxFrames = 16;

/// `text` on one line, with everything that Markdown or HTML would read as its own.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : printable(shorten(text, kMaxNameBytes))) {
    constexpr std::string_view kSpecial = "&<>\"'|`*_[]()\\@#~$:!{}";
    if (kSpecial.find(c) != std::string_view::npos)
      out += fmt::format("&#{};", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else
      out += c;
  }
  return out;
}

std::string code(std::string_view text) {
  return "<code>" + plain(text) + "</code>";
}

class MarkdownReport {
 public:
  MarkdownReport(const model::Verdict& verdict, std::size_t max_bytes, std::size_t max_rows)
      : verdict_(verdict), root_(verdict), max_bytes_(max_bytes), max_rows_(max_rows) {}

  std::string render() {
    heading();
    incomplete();
    limits();
    baseline();
    const auto leaks = worst_first(verdict_);
    if (!leaks.empty()) table(leaks);
    for (std::size_t i = 0; i < std::min(leaks.size(), max_rows_); ++i)
      if (!details(*leaks[i])) break;
    return std::move(out_);
  }

 private:
  void line(std::string_view text = {}) { (out_ += text) += '\n'; }

  void heading() {
    constexpr std::array<std::string_view, 3> kMarks = {"&#9989;", "&#10060;", "&#9888;&#65039;"};
    line("<!-- leakgate -->");
    line(fmt::format("### {} leakgate: {}", kMarks[static_cast<std::size_t>(verdict_.summary.verdict)],
                     plain(run_sentence(verdict_))));
    line();
  }

  void incomplete() {
    if (verdict_.run.incomplete_reasons.empty()) return;
    line("**The run is incomplete, so it is not a pass.**");
    line();
    std::size_t shown = 0;
    for (const auto& reason : verdict_.run.incomplete_reasons) {
      if (shown++ == 20) break;
      line(fmt::format("- {}: {}{}", code(reason.cause), plain(reason.message),
                       reason.hint.empty() ? "" : " (" + plain(reason.hint) + ")"));
    }
    line();
  }

  void limits() {
    for (const auto& limit : verdict_.limits_exceeded)
      line("- " + plain(limit));
    if (!verdict_.limits_exceeded.empty()) line();
  }

  void baseline() {
    if (verdict_.baseline.file.empty()) return;
    std::array<std::size_t, 6> counts{};
    for (const auto& row : verdict_.baseline.rows)
      ++counts[static_cast<std::size_t>(row.state)];
    std::string text = "Against the baseline: ";
    for (std::size_t i = 1; i < counts.size(); ++i)
      text += fmt::format("{}{} {}", i == 1 ? "" : ", ", counts[i],
                          model::name_of(static_cast<model::BaselineState>(i)));
    line(text + ".");
    line();
  }

  void table(const std::vector<const model::Leak*>& leaks) {
    line("| test | leaked | kind | where | severity |");
    line("|---|---|---|---|---|");
    for (std::size_t i = 0; i < std::min(leaks.size(), max_rows_); ++i) {
      const auto& leak = *leaks[i];
      const auto site = site_of(leak);
      const std::string where =
          site ? code(frame_name(*site)) + " " + plain(frame_place(*site, root_)) : "unknown";
      const std::string state = leak.baseline == model::BaselineState::none
                                    ? ""
                                    : fmt::format(" ({})", model::name_of(leak.baseline));
      line(fmt::format("| {} | {}{} | {} | {} | {} |", code(test_of(verdict_, leak)),
                       amount(leak.bytes, leak.blocks), state, kind_words(leak.kind), where,
                       model::name_of(leak.severity)));
      if (out_.size() > max_bytes_ / 2) {
        max_rows_ = i + 1;
        break;
      }
    }
    if (leaks.size() > max_rows_)
      line(fmt::format("| | and {} | | | |", counted(leaks.size() - max_rows_, "more leak")));
    line();
  }

  /// False where the text has become long enough.
  bool details(const model::Leak& leak) {
    std::string text = fmt::format("<details><summary>{}: {}</summary>\n\n<pre>\n", leak.id,
                                   plain(leak_sentence(leak, root_)));
    for (std::size_t i = 0; i < leak.stack.size() && i < kMaxFrames; ++i)
      text += fmt::format("{:>2} {}  {}\n", i, plain(frame_name(leak.stack[i])),
                          plain(frame_place(leak.stack[i], root_)));
    if (leak.stack.size() > kMaxFrames)
      text += fmt::format("   and {}\n", counted(leak.stack.size() - kMaxFrames, "more frame"));
    text += "</pre>\n\n";
    for (const std::string& insight : insights(leak, root_))
      text += plain(insight) + "  \n";
    if (!leak.recommendation.empty()) text += fmt::format("{}\n\n", leak.recommendation);
    if (leak.test < verdict_.tests.size() && !verdict_.tests[leak.test].rerun.empty())
      text += fmt::format("Again: <code>{}</code>\n\n", plain_long(verdict_.tests[leak.test].rerun));
    text += "</details>\n\n";
    if (out_.size() + text.size() > max_bytes_) return false;
    out_ += text;
    return true;
  }

  /// A command must be whole, or it is of no use.
  static std::string plain_long(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += kMaxNameBytes / 2)
      out += plain(text.substr(i, kMaxNameBytes / 2));
    return out;
  }

  const model::Verdict& verdict_;
  SourceRoot root_;
  std::size_t max_bytes_, max_rows_;
  std::string out_;
};

}  // namespace

void write_markdown(const model::Verdict& verdict, const Sink& sink) {
  sink(MarkdownReport(verdict, 60000, 20).render());  // a comment may have 65,536 characters
}

void write_github_summary(const model::Verdict& verdict, const Sink& sink) {
  sink(MarkdownReport(verdict, 900000, 500).render());  // a step's summary may have 1 MiB
}

}  // namespace leakgate::report

// SPDX-License-Identifier: Apache-2.0
// One file to be read in a browser, without network: a page, and the verdict as JSON in it. Texts, frames and
// stacks are tables, as in a recording, so that many leaks stay small; markup in the data cannot end the
// element it stands in.
#include <algorithm>
#include <unordered_map>

#include "harness/base/json_writer.h"
#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"
#include "harness/report/frame_memo.h"
#include "harness/report/html/page_text.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxLeaks = 20000;
constexpr std::size_t kMaxTests = 20000;
constexpr std::size_t kMaxFrames = 64;  // of one stack
constexpr std::size_t kMaxTextBytes = 1000;

/// Hands JSON on with every "<" as an escape: inside <script>, only that character could end it.
Sink without_markup(const Sink& sink) {
  return [&sink](std::string_view piece) {
    std::size_t begin = 0;
    for (std::size_t i = piece.find('<'); i != std::string_view::npos; i = piece.find('<', begin)) {
      sink(piece.substr(begin, i - begin));
      sink("\\u003c");
      begin = i + 1;
    }
    sink(piece.substr(begin));
  };
}

class HtmlData {
 public:
  HtmlData(const model::Verdict& verdict, const Sink& sink)
      : verdict_(verdict), root_(verdict), out_(2, sink) {}

  void write() {
    choose();
    out_.begin_object();
    head();
    tests();
    leaks();
    baseline();
    suppressions();
    frames();
    out_.end_object();
    out_.finish();
  }

 private:
  std::string text(std::string_view value) const { return shorten(repair_utf8(value), kMaxTextBytes); }

  /// All leaks in their order, or the worst of them.
  void choose() {
    for (const auto& leak : verdict_.leaks)
      chosen_.push_back(&leak);
    if (chosen_.size() <= kMaxLeaks) return;
    std::stable_sort(chosen_.begin(), chosen_.end(), [](const auto* a, const auto* b) {
      return a->verdict != b->verdict ? a->verdict < b->verdict : a->bytes > b->bytes;
    });
    chosen_.resize(kMaxLeaks);
  }

  void head() {
    const auto& summary = verdict_.summary;
    out_.member("verdict", model::name_of(summary.verdict));
    out_.member("sentence", text(run_sentence(verdict_)));
    out_.member("version", verdict_.tool_version);
    out_.member("started", text(verdict_.run.started));
    out_.member("wall_ms", verdict_.run.wall_ms);
    out_.begin_array("command");
    for (const auto& word : verdict_.run.command)
      out_.string(text(word));
    out_.end_array();
    out_.begin_object("summary");
    out_.member("tests", summary.tests);
    out_.member("clean", summary.clean);
    out_.member("leaking", summary.leaking);
    out_.member("leaked_bytes", summary.leaked_bytes);
    out_.member("leaked_blocks", summary.leaked_blocks);
    out_.member("allocations", verdict_.tracer.allocations);
    out_.member("frees", verdict_.tracer.frees);
    out_.member("peak_live_bytes", verdict_.tracer.peak_live_bytes);
    out_.end_object();
    out_.begin_array("notes");
    for (const auto& reason : verdict_.run.incomplete_reasons)
      out_.string(text("incomplete: " + reason.message + (reason.hint.empty() ? "" : "; " + reason.hint)));
    for (const auto& limit : verdict_.limits_exceeded)
      out_.string(text("limit: " + limit));
    for (const auto& note : verdict_.tracer.notes)
      out_.string(text(note));
    out_.end_array();
    out_.member("leaks_left_out", static_cast<std::uint64_t>(verdict_.leaks.size() - chosen_.size()));
  }

  void tests() {
    out_.begin_array("tests");
    for (std::size_t i = 0; i < verdict_.tests.size(); ++i) {
      const auto& judged = verdict_.tests[i];
      out_.begin_array();
      out_.string(i < kMaxTests ? text(judged.test.id) : "");
      out_.string(model::name_of(judged.verdict));
      out_.string(model::name_of(judged.test.outcome));
      out_.number(judged.test.allocations);
      out_.number(judged.test.peak_bytes);
      out_.number(judged.test.duration_us);
      out_.string(i < kMaxTests ? text(root_.relative_of_test(judged.test.file)) : "");
      out_.number(judged.test.line);
      out_.string(i < kMaxTests ? text(judged.rerun) : "");
      out_.end_array();
    }
    out_.end_array();
  }

  void leaks() {
    out_.begin_array("leaks");
    for (const auto* leak : chosen_)
      this->leak(*leak);
    out_.end_array();
  }

  void leak(const model::Leak& leak) {
    out_.begin_object();
    out_.member("id", leak.id);
    if (leak.test < verdict_.tests.size()) out_.member("test", leak.test);
    out_.member("kind", model::name_of(leak.kind));
    out_.member("verdict", model::name_of(leak.verdict));
    out_.member("reason", text(leak.reason));
    out_.member("bytes", leak.bytes);
    out_.member("blocks", leak.blocks);
    out_.member("severity", model::name_of(leak.severity));
    out_.member("age_min_ms", leak.age_min_ms);
    out_.member("age_max_ms", leak.age_max_ms);
    if (!leak.age_log2_ms.empty()) counts("ages", leak.age_log2_ms);
    out_.member("fingerprint", leak.fingerprint);
    out_.member("function", text(leak.function));
    if (!leak.type.empty()) out_.member("type", text(leak.type));
    if (leak.cycle) out_.member("cycle", true);
    if (leak.baseline != model::BaselineState::none) out_.member("baseline", model::name_of(leak.baseline));
    if (!leak.recommendation.empty()) out_.member("advice", leak.recommendation);
    if (!leak.retained_by.empty()) {
      out_.begin_array("holders");
      for (const auto& holder : leak.retained_by)
        out_.string(text(holder));
      out_.end_array();
    }
    out_.member("site", static_cast<std::uint64_t>(leak.site));
    out_.begin_array("stack");
    for (std::size_t i = 0; i < leak.stack.size() && i < kMaxFrames; ++i)
      out_.number(frame_number(leak.stack, i));
    out_.end_array();
    history(leak);
    insight(leak);
    out_.end_object();
  }

  void insight(const model::Leak& leak) {
    if (leak.pattern != model::LeakPattern::none) out_.member("pattern", pattern_words(leak.pattern));
    if (const auto words = recurrence_sentence(leak); !words.empty()) out_.member("recurrence", words);
    if (leak.freed_site < leak.freed_by.size()) {
      out_.member("freed_site", static_cast<std::uint64_t>(leak.freed_site));
      out_.begin_array("freed_by");
      for (std::size_t i = 0; i < leak.freed_by.size() && i < kMaxFrames; ++i)
        out_.number(frame_number(leak.freed_by, i));
      out_.end_array();
    }
    if (leak.growth == nullptr) return;
    out_.begin_object("growth");
    out_.member("pattern", model::name_of(leak.growth->pattern));
    out_.member("rounds", leak.growth->rounds);
    out_.member("adding", leak.growth->rounds_adding);
    out_.member("slope", leak.growth->slope_bytes);
    out_.member("step", leak.growth->rounds_per_point);
    counts("added", leak.growth->added_bytes);
    out_.end_object();
  }

  void counts(std::string_view name, const std::vector<std::uint64_t>& values) {
    out_.begin_array(name);
    for (const auto value : values)
      out_.number(value);
    out_.end_array();
  }

  /// What became of the other blocks of this stack.
  void history(const model::Leak& leak) {
    const auto* stack = leak.stack.history();
    if (stack == nullptr || stack->allocations == 0) return;
    out_.member("site_allocations", stack->allocations);
    out_.member("site_frees", stack->frees);
    counts("lifetimes", stack->lifetime_log2_ms);
  }

  /// Frames that look alike have one number.
  std::uint64_t frame_number(const model::LeakStack& stack, std::size_t index) {
    std::uint32_t* const slot = slots_.find(stack, index);
    if (slot != nullptr && *slot != 0) return *slot - 1;
    const std::uint64_t number = frame_number(stack[index]);
    if (slot != nullptr) *slot = static_cast<std::uint32_t>(number + 1);
    return number;
  }

  std::uint64_t frame_number(const model::VerdictFrame& frame) {
    std::string key =
        text(frame_name(frame)) + '\n' + text(frame_place(frame, root_)) + (frame.inlined ? "\n1" : "\n");
    const auto [it, fresh] = numbers_.try_emplace(std::move(key), frames_.size());
    if (fresh) frames_.push_back(&it->first);
    return it->second;
  }

  void frames() {
    out_.begin_array("frames");
    for (const auto* key : frames_) {
      const auto first = key->find('\n'), last = key->rfind('\n');
      out_.begin_array();
      out_.string(std::string_view(*key).substr(0, first));
      out_.string(std::string_view(*key).substr(first + 1, last - first - 1));
      out_.number(key->size() > last + 1 ? 1 : 0);
      out_.end_array();
    }
    out_.end_array();
  }

  void baseline() {
    if (verdict_.baseline.file.empty()) return;
    out_.begin_array("baseline");
    for (const auto& row : verdict_.baseline.rows) {
      out_.begin_array();
      out_.string(model::name_of(row.state));
      out_.string(text(row.test));
      out_.string(text(row.site));
      out_.number(row.accepted_bytes);
      out_.number(row.bytes);
      out_.number(row.accepted_blocks);
      out_.number(row.blocks);
      out_.end_array();
    }
    out_.end_array();
  }

  void suppressions() {
    if (verdict_.suppressions.empty()) return;
    out_.begin_array("suppressions");
    for (const auto& use : verdict_.suppressions) {
      out_.begin_array();
      out_.string(model::name_of(use.state));
      out_.string(text(use.text));
      out_.string(text(use.source));
      out_.number(use.leaks);
      out_.number(use.bytes);
      out_.end_array();
    }
    out_.end_array();
  }

  const model::Verdict& verdict_;
  SourceRoot root_;
  JsonWriter out_;
  std::vector<const model::Leak*> chosen_;
  FrameSlots slots_;
  std::unordered_map<std::string, std::uint64_t> numbers_;
  std::vector<const std::string*> frames_;
};

}  // namespace

void write_html(const model::Verdict& verdict, const Sink& sink) {
  std::string_view rest = kPageHtml;
  const auto up_to = [&](std::string_view mark) {
    const auto at = rest.find(mark);
    sink(rest.substr(0, at));
    rest = rest.substr(std::min(rest.size(), at == std::string_view::npos ? rest.size() : at + mark.size()));
  };
  up_to("{{STYLE}}");
  sink(kPageCss);
  up_to("{{DATA}}");
  const Sink safe = without_markup(sink);
  HtmlData(verdict, safe).write();
  up_to("{{SCRIPT}}");
  sink(kPageJs);
  sink(rest);
}

}  // namespace leakgate::report

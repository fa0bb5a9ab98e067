// SPDX-License-Identifier: Apache-2.0
// Valgrind's XML, protocol 4 of memcheck, in the order Valgrind itself writes: editors and CI plug-ins read
// leaks from it. All leaks that fail are errors; blocks that were not classified are written as possibly
// lost, which claims least.
#include <fmt/format.h>

#include <algorithm>

#include "harness/base/plain_run.h"
#include "harness/base/text.h"
#include "harness/report/failing.h"
#include "harness/report/frame_memo.h"
#include "harness/report/report.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"
#include "harness/report/xml_printer.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxNameBytes = 1000;
constexpr std::size_t kChunkBytes = 1 << 20;

std::string_view kind_word(model::Kind kind) {
  switch (kind) {
    case model::Kind::definitely_lost:
      return "Leak_DefinitelyLost";
    case model::Kind::indirectly_lost:
      return "Leak_IndirectlyLost";
    case model::Kind::still_reachable:
      return "Leak_StillReachable";
    case model::Kind::possibly_lost:
    case model::Kind::unclassified:
      break;
  }
  return "Leak_PossiblyLost";
}

class ValgrindReport {
 public:
  ValgrindReport(const model::Verdict& verdict, const Sink& sink)
      : verdict_(verdict), sink_(sink), root_(verdict) {}

  void render() {
    out_.PushDeclaration("xml version=\"1.0\"");
    out_.OpenElement("valgrindoutput");
    out_.element("protocolversion", "4");
    out_.element("protocoltool", "memcheck");
    out_.OpenElement("preamble");
    out_.element("line", "leakgate " + verdict_.tool_version);
    out_.CloseElement();
    process();
    status("RUNNING", 0);
    status("FINISHED", verdict_.run.wall_ms);
    std::size_t number = 0;
    for (const auto& leak : verdict_.leaks)
      if (leak.verdict == model::LeakVerdict::fail) error(leak, ++number);
    out_.OpenElement("errorcounts");
    out_.CloseElement();
    suppressions();
    out_.CloseElement();
    out_.text += "\n";
    flush();
  }

 private:
  void flush() {
    sink_(out_.text);
    out_.text.clear();
  }

  void process() {
    const auto* first = verdict_.processes.empty() ? nullptr : &verdict_.processes.front();
    for (const auto& one : verdict_.processes) {
      if (one.role != model::ProcessRole::judged) continue;
      first = &one;
      break;
    }
    out_.element("pid", std::to_string(first == nullptr ? 0 : first->pid));
    out_.element("ppid", std::to_string(first == nullptr ? 0 : first->parent_pid));
    out_.element("tool", "memcheck");
    out_.OpenElement("args");
    out_.OpenElement("vargv");
    out_.element("exe", "leakgate");
    out_.CloseElement();
    out_.OpenElement("argv");
    out_.element("exe", verdict_.run.command.empty() ? "" : verdict_.run.command.front());
    for (std::size_t i = 1; i < verdict_.run.command.size(); ++i)
      out_.element("arg", verdict_.run.command[i]);
    out_.CloseElement();
    out_.CloseElement();
  }

  void status(std::string_view state, std::uint64_t ms) {
    out_.OpenElement("status");
    out_.element("state", state);
    out_.element("time", fmt::format("{:02}:{:02}:{:02}:{:02}.{:03} ", ms / 86400000, ms / 3600000 % 24,
                                     ms / 60000 % 60, ms / 1000 % 60, ms % 1000));
    out_.CloseElement();
  }

  void error(const model::Leak& leak, std::size_t number) {
    out_.OpenElement("error");
    out_.element("unique", fmt::format("{:#x}", number));
    out_.element("tid", "1");
    out_.element("kind", kind_word(leak.kind));
    out_.OpenElement("xwhat");
    out_.element("text", shorten(fmt::format("{} in test {}", leak_sentence(leak, root_),
                                             shorten(test_of(verdict_, leak), kMaxNameBytes)),
                                 2 * kMaxNameBytes));
    out_.element("leakedbytes", std::to_string(leak.bytes));
    out_.element("leakedblocks", std::to_string(leak.blocks));
    out_.CloseElement();
    out_.OpenElement("stack");
    if (!leak.stack.empty()) out_.raw("");  // the start tag is complete
    for (std::size_t i = 0; i < leak.stack.size(); ++i)
      frames_.append(out_.text, leak.stack, i, add_frame);
    out_.CloseElement();
    out_.CloseElement();
    if (out_.text.size() > kChunkBytes) flush();
  }

  /// Written by hand, as most of the document is made of it. Frames have one depth, so that copies are
  /// indented as they should be.
  static void add_frame(const model::VerdictFrame& frame, std::string& text) {
    text += "\n            <frame>";
    const auto element = [&](std::string_view name, std::string_view value) {
      text += "\n                <";
      (text += name) += '>';
      add_escaped(text, value);
      text += "</";
      (text += name) += '>';
    };
    element("ip", fmt::format("{:#X}", frame.offset));
    if (!frame.module.empty()) element("obj", frame.module);
    if (!frame.function.empty()) {
      if (frame.function.size() <= kMaxNameBytes)
        element("fn", frame.function);
      else
        element("fn", shorten(frame.function, kMaxNameBytes));
    }
    if (!frame.file.empty()) {
      const auto name = base_name(frame.file);
      const auto folder = frame.file.substr(0, frame.file.size() - name.size());
      if (folder.size() > 1) element("dir", folder.substr(0, folder.size() - 1));
      element("file", name);
      if (frame.line > 0) element("line", std::to_string(frame.line));
    }
    text += "\n            </frame>";
  }

  /// As the printer escapes: what is no XML is replaced first.
  static void add_escaped(std::string& text, std::string_view value) {
    const auto has = [&](char c) { return value.find(c) != value.npos; };
    if (plain_run<PlainFor::text>(value) == value.size() && !has('<') && !has('>') && !has('&')) {
      text += value;
      return;
    }
    for (const char c : xml_text(value))
      c == '&' ? text += "&amp;" : c == '<' ? text += "&lt;" : c == '>' ? text += "&gt;" : text += c;
  }

  void suppressions() {
    out_.OpenElement("suppcounts");
    for (const auto& use : verdict_.suppressions) {
      if (use.leaks == 0) continue;
      out_.OpenElement("pair");
      out_.element("count", std::to_string(use.leaks));
      out_.element("name", shorten(use.text, kMaxNameBytes));
      out_.CloseElement();
    }
    out_.CloseElement();
  }

  const model::Verdict& verdict_;
  const Sink& sink_;
  SourceRoot root_;
  StringPrinter out_;
  FrameMemo frames_;
};

}  // namespace

void write_valgrind_xml(const model::Verdict& verdict, const Sink& sink) {
  ValgrindReport(verdict, sink).render();
}

}  // namespace leakgate::report

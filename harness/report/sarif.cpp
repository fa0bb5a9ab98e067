// SPDX-License-Identifier: Apache-2.0
// SARIF 2.1.0 as GitHub code scanning wants it: relative paths, the user's own frame first, a fingerprint of
// our own per result, stacks as code flows. Only failing leaks are results: GitHub shows suppressed results
// as open alerts.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "harness/base/json_writer.h"
#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/report/failing.h"
#include "harness/report/frame_memo.h"
#include "harness/report/path_memo.h"
#include "harness/report/report.h"
#include "harness/report/sarif_rules.h"
#include "harness/report/source_root.h"
#include "harness/report/wording.h"

namespace leakgate::report {
namespace {

constexpr std::size_t kMaxTextBytes = 1000;

std::string file_uri(std::string_view path) {
  return "file://" + uri_path(path);
}

/// Brackets would be taken for links in message texts.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : shorten(repair_utf8(text), kMaxTextBytes)) {
    if (c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// A text that is mostly short enough as it is; the writer repairs what is no UTF-8.
void short_member(JsonWriter& out, std::string_view name, std::string_view value) {
  if (value.size() <= kMaxTextBytes)
    out.member(name, value);
  else
    out.member(name, shorten(repair_utf8(value), kMaxTextBytes));
}

class SarifReport {
 public:
  SarifReport(const model::Verdict& verdict, const SarifLimits& limits, const Sink& sink)
      : verdict_(verdict),
        limits_(limits),
        root_(verdict),
        out_(10, sink),
        failures_(failures_beside_leaks(verdict)) {}
  void render();

 private:
  void text(std::string_view name, std::string_view value);
  void rule(const SarifRule& rule);
  void rules();
  void artifact(JsonWriter& out, std::string_view path);
  void artifact_object(JsonWriter& out, std::string_view path);
  void physical(JsonWriter& out, std::string_view path, std::uint32_t line, std::uint32_t column);
  void frame_location(JsonWriter& out, const model::VerdictFrame& frame, const std::string& program);
  void place(JsonWriter& out, const model::VerdictFrame& frame, const std::string& program);
  void invocation(std::size_t left_out);
  void notification(std::string_view id, std::string_view message);
  void result(const model::Leak& leak);
  void failure(const std::string& sentence);
  void message(const model::Leak& leak, bool has_test_place);
  void fingerprints(const model::Leak& leak);
  void code_flow(const model::Leak& leak, const std::string& program);
  void code_flow_frame(const model::LeakStack& stack, std::size_t index, const std::string& program);
  void related(const model::Test& test);
  void history(const model::Leak& leak);
  void leak_properties(const model::Leak& leak, const model::Test* test);
  [[nodiscard]] std::vector<const model::Leak*> choose() const;

  const model::Verdict& verdict_;
  const SarifLimits& limits_;
  SourceRoot root_;
  JsonWriter out_;
  std::vector<std::string> failures_;  ///< that are no leaks
  FrameMemo frames_;
  bool in_code_flow_ = false;
  PathMemo artifacts_;
  std::map<std::string, std::map<std::string, std::size_t>> places_by_fingerprint_;
  std::map<std::string, std::size_t> places_of_failures_;
};

void SarifReport::text(std::string_view name, std::string_view value) {
  out_.begin_object(name);
  out_.member("text", value);
  out_.end_object();
}

void SarifReport::rule(const SarifRule& rule) {
  out_.begin_object();
  out_.member("id", rule.id);
  out_.member("name", rule.name);
  text("shortDescription", rule.short_text);
  text("fullDescription", rule.full_text);
  text("help", rule.help);
  out_.begin_object("defaultConfiguration");
  out_.member("level", rule.level);
  out_.end_object();
  out_.begin_object("properties");
  out_.begin_array("tags");
  out_.string("memory");
  out_.string("leak");
  out_.end_array();
  out_.member("precision", rule.precision);
  out_.member("problem.severity", std::string_view(rule.level) == "note" ? "recommendation" : rule.level);
  out_.end_object();
  out_.end_object();
}

void SarifReport::rules() {
  out_.begin_array("rules");
  for (const auto& one : kSarifRules)
    rule(one);
  if (!failures_.empty()) rule(kSarifLimitRule);
  out_.end_array();
}

/// In code flows, where everything is on one line and few files have most of the frames, one that was written
/// before is copied.
void SarifReport::artifact(JsonWriter& out, std::string_view path) {
  out.key("artifactLocation");
  if (!in_code_flow_) return artifact_object(out, path);
  artifacts_.write(out, path, [&](JsonWriter& one) { artifact_object(one, path); });
}

void SarifReport::artifact_object(JsonWriter& out, std::string_view path) {
  out.begin_object();
  const std::string relative = root_.relative(path);
  if (relative.starts_with('/')) {
    out.member("uri", file_uri(relative));
  } else {
    out.member("uri", uri_path(relative));
    out.member("uriBaseId", "%SRCROOT%");
  }
  out.end_object();
}

void SarifReport::physical(JsonWriter& out, std::string_view path, std::uint32_t line, std::uint32_t column) {
  out.begin_object("physicalLocation");
  artifact(out, path);
  // A region is asked for even where the line is not known; the first line is the one every file has.
  const std::uint32_t start_line = std::max(line, 1u), start_column = std::max(column, 1u);
  out.begin_object("region");
  out.member("startLine", start_line);
  out.member("startColumn", start_column);
  out.member("endLine", start_line);
  out.member("endColumn", start_column + (start_column < ~0u ? 1 : 0));
  out.end_object();
  out.end_object();
}

/// The members of a location object for `frame`: its file, its module, or the program.
void SarifReport::place(JsonWriter& out, const model::VerdictFrame& frame, const std::string& program) {
  if (!frame.file.empty())
    physical(out, frame.file, frame.line, frame.column);
  else
    physical(out, frame.module.empty() ? program : frame.module, 0, 0);
  if (frame.function.empty()) return;
  out.begin_array("logicalLocations");
  out.begin_object();
  short_member(out, "fullyQualifiedName", frame.function);
  out.member("kind", "function");
  out.end_object();
  out.end_array();
}

void SarifReport::frame_location(JsonWriter& out, const model::VerdictFrame& frame,
                                 const std::string& program) {
  out.begin_object();
  out.begin_object("location");
  place(out, frame, program);
  out.begin_object("message");
  if (frame.function.empty())
    short_member(out, "text", frame_name(frame));
  else
    short_member(out, "text", frame.function);
  out.end_object();
  out.end_object();
  out.end_object();
}

void SarifReport::notification(std::string_view id, std::string_view message) {
  out_.begin_object();
  out_.begin_object("descriptor");
  out_.member("id", id);
  out_.end_object();
  out_.member("level", id == "results_left_out" ? "warning" : "error");
  text("message", plain(message));
  out_.end_object();
}

void SarifReport::invocation(std::size_t left_out) {
  const auto& run = verdict_.run;
  out_.begin_array("invocations");
  out_.begin_object();
  out_.member("executionSuccessful", verdict_.summary.verdict != model::RunVerdict::incomplete);
  if (!run.started.empty()) out_.member("startTimeUtc", run.started);
  if (run.exit.code) out_.member("exitCode", *run.exit.code);
  if (run.exit.signal) out_.member("exitSignalNumber", *run.exit.signal);
  if (!root_.path().empty()) {
    out_.begin_object("workingDirectory");
    out_.member("uri", file_uri(root_.path()) + "/");
    out_.end_object();
  }
  // Not "arguments": those would be leakgate's own.
  out_.begin_object("properties");
  out_.begin_array("command");
  for (const auto& argument : run.command)
    out_.string(argument);
  out_.end_array();
  out_.end_object();
  out_.begin_array("toolExecutionNotifications");
  for (const auto& reason : run.incomplete_reasons)
    notification(reason.cause, reason.hint.empty() ? reason.message : reason.message + "; " + reason.hint);
  if (left_out > 0)
    notification("results_left_out",
                 fmt::format("{} with fewer bytes left out of this file", counted(left_out, "leak")));
  out_.end_array();
  out_.end_object();
  out_.end_array();
}

/// "48 bytes in 2 blocks leaked in test [Suite.Name](1), allocated by malloc in make_node"
void SarifReport::message(const model::Leak& leak, bool has_test_place) {
  std::string sentence = amount(leak.bytes, leak.blocks) + " leaked (" + kind_words(leak.kind) + ")";
  if (leak.test < verdict_.tests.size()) {
    const auto id = plain(verdict_.tests[leak.test].test.id);
    sentence += has_test_place ? fmt::format(" in test [{}](1)", id) : fmt::format(" in test {}", id);
  }
  if (!leak.function.empty()) sentence += ", allocated by " + plain(leak.function);
  if (const auto site = site_of(leak)) sentence += " in " + plain(frame_name(*site));
  for (const std::string& insight : insights(leak, root_))
    sentence += "; " + plain(insight);
  text("message", sentence + ".");
}

/// GitHub's key gets a number after the hash, as its own algorithm gives one: two lines of one function are
/// two alerts.
void SarifReport::fingerprints(const model::Leak& leak) {
  const auto site = site_of(leak);
  auto& places = places_by_fingerprint_[leak.fingerprint];
  const auto place = !site ? std::string() : fmt::format("{}:{}", site->file, site->line);
  const auto number = places.try_emplace(place, places.size() + 1).first->second;
  const auto hash =
      leak.fingerprint.substr(std::min(leak.fingerprint.size(), leak.fingerprint.find(':') + 1));
  out_.begin_object("partialFingerprints");
  out_.member("primaryLocationLineHash", fmt::format("{}:{}", hash, number));
  out_.member("leakgateFingerprint/v1", leak.fingerprint);
  out_.end_object();
}

/// Frames without file and module show the program, which others do not share.
void SarifReport::code_flow_frame(const model::LeakStack& stack, std::size_t index,
                                  const std::string& program) {
  const model::VerdictFrame frame = stack[index];
  if (frame.file.empty() && frame.module.empty()) return frame_location(out_, frame, program);
  frames_.write(out_, stack, index,
                [&](const auto& one, JsonWriter& out) { frame_location(out, one, program); });
}

/// From the outermost caller to the allocation.
void SarifReport::code_flow(const model::Leak& leak, const std::string& program) {
  if (leak.stack.empty()) return;
  out_.begin_array("codeFlows");
  out_.begin_object();
  out_.begin_array("threadFlows");
  out_.begin_object();
  out_.begin_array("locations");
  in_code_flow_ = true;
  for (std::size_t i = std::min(leak.stack.size(), limits_.max_locations); i-- > 0;)
    code_flow_frame(leak.stack, i, program);
  in_code_flow_ = false;
  out_.end_array();
  out_.end_object();
  out_.end_array();
  out_.end_object();
  out_.end_array();
}

void SarifReport::related(const model::Test& test) {
  out_.begin_array("relatedLocations");
  out_.begin_object();
  out_.member("id", 1);
  const bool counts_from_root = !test.file.starts_with('/') && !root_.path().empty();
  physical(out_, counts_from_root ? root_.path() + "/" + test.file : test.file, test.line, 0);
  text("message", "the test case");
  out_.end_object();
  out_.end_array();
}

void SarifReport::leak_properties(const model::Leak& leak, const model::Test* test) {
  out_.begin_object("properties");
  if (test != nullptr) out_.member("test", test->id);
  out_.member("bytes", leak.bytes);
  out_.member("blocks", leak.blocks);
  out_.member("severity", model::name_of(leak.severity));
  out_.key("confidence");
  out_.decimal(leak.confidence, 3);
  if (leak.pattern != model::LeakPattern::none) out_.member("pattern", model::name_of(leak.pattern));
  if (leak.growth != nullptr) {
    out_.member("growth", model::name_of(leak.growth->pattern));
    out_.member("growthBytesPerRound", leak.growth->slope_bytes);
  }
  if (leak.recurrence.runs > 1) {
    out_.member("seenInRuns", std::uint64_t{leak.recurrence.seen});
    out_.member("runs", std::uint64_t{leak.recurrence.runs});
  }
  out_.end_object();
}

void SarifReport::result(const model::Leak& leak) {
  const auto* test = leak.test < verdict_.tests.size() ? &verdict_.tests[leak.test].test : nullptr;
  const auto* process = test == nullptr ? nullptr : process_of(verdict_, *test);
  const std::string program = process == nullptr || process->exe.empty() ? "unknown" : process->exe;
  const bool has_test_place = test != nullptr && !test->file.empty();
  const auto& rule = kSarifRules[static_cast<std::size_t>(leak.kind)];
  out_.begin_object();
  out_.member("ruleId", model::name_of(leak.kind));
  out_.member("ruleIndex", static_cast<std::uint64_t>(leak.kind));
  const bool grows = !growth_sentence(leak).empty();  // its kind alone would be a note
  out_.member("level", grows && leak.verdict == model::LeakVerdict::fail ? "error" : rule.level);
  message(leak, has_test_place);
  out_.begin_array("locations");
  out_.begin_object();
  place(out_, site_of(leak).value_or(model::VerdictFrame()), program);
  out_.end_object();
  out_.end_array();
  fingerprints(leak);
  code_flow(leak, program);
  if (has_test_place) related(*test);
  out_.key("rank");
  out_.decimal(leak.confidence * 100, 1);
  if (limits_.full) history(leak);
  leak_properties(leak, test);
  out_.end_object();
}

/// The gate fails for a reason that is no leak. It stands where the policy is, for every result needs a
/// place.
void SarifReport::failure(const std::string& sentence) {
  const std::string identity = failure_identity(sentence);
  out_.begin_object();
  out_.member("ruleId", kSarifLimitRule.id);
  out_.member("ruleIndex", static_cast<std::uint64_t>(std::size(kSarifRules)));
  out_.member("level", kSarifLimitRule.level);
  text("message", plain(sentence) + ".");
  out_.begin_array("locations");
  out_.begin_object();
  physical(out_, failure_place(verdict_, root_), 0, 0);
  out_.end_object();
  out_.end_array();
  out_.begin_object("partialFingerprints");
  out_.member("primaryLocationLineHash", fmt::format("{}:{}", identity, ++places_of_failures_[identity]));
  out_.end_object();
  out_.end_object();
}

/// What became of a result since the baseline, and why it does not count; services that take no notice of it
/// get the failing leaks only.
void SarifReport::history(const model::Leak& leak) {
  using model::BaselineState;
  if (leak.baseline != BaselineState::none)
    out_.member("baselineState", leak.baseline == BaselineState::added       ? "new"
                                 : leak.baseline == BaselineState::unchanged ? "unchanged"
                                                                             : "updated");
  if (leak.verdict == model::LeakVerdict::fail) return;
  out_.begin_array("suppressions");
  out_.begin_object();
  out_.member("kind", "external");
  out_.member("status", "accepted");
  out_.member("justification", shorten(repair_utf8(leak.reason), kMaxTextBytes));
  out_.end_object();
  out_.end_array();
}

/// The failing leaks, in their order; those with most bytes where there are too many.
std::vector<const model::Leak*> SarifReport::choose() const {
  std::vector<const model::Leak*> chosen;
  for (const auto& leak : verdict_.leaks)
    if (limits_.full || leak.verdict == model::LeakVerdict::fail) chosen.push_back(&leak);
  if (chosen.size() <= limits_.max_results) return chosen;
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const auto* a, const auto* b) { return a->bytes > b->bytes; });
  chosen.resize(limits_.max_results);
  return chosen;
}

void SarifReport::render() {
  const auto chosen = choose();
  const auto wanted = static_cast<std::size_t>(std::count_if(
      verdict_.leaks.begin(), verdict_.leaks.end(),
      [&](const auto& leak) { return limits_.full || leak.verdict == model::LeakVerdict::fail; }));
  out_.begin_object();
  out_.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
  out_.member("version", "2.1.0");
  out_.begin_array("runs");
  out_.begin_object();
  out_.begin_object("tool");
  out_.begin_object("driver");
  out_.member("name", "leakgate");
  if (!verdict_.tool_version.empty()) out_.member("version", verdict_.tool_version);
  rules();
  out_.end_object();
  out_.end_object();
  out_.begin_object("automationDetails");
  const std::string program =
      verdict_.run.command.empty() ? "run" : std::string(base_name(verdict_.run.command.front()));
  out_.member("id", "leakgate/" + (program.empty() ? "run" : program) + "/");
  out_.end_object();
  invocation(wanted - chosen.size());
  if (!root_.path().empty()) {
    out_.begin_object("originalUriBaseIds");
    out_.begin_object("%SRCROOT%");
    out_.member("uri", file_uri(root_.path()) + "/");
    out_.end_object();
    out_.end_object();
  }
  out_.begin_array("results");
  for (const auto* leak : chosen)
    result(*leak);
  for (const auto& sentence : failures_)
    failure(sentence);
  out_.end_array();
  out_.end_object();
  out_.end_array();
  out_.end_object();
  out_.finish();
}

}  // namespace

void write_sarif(const model::Verdict& verdict, const SarifLimits& limits, const Sink& sink) {
  SarifReport(verdict, limits, sink).render();
}

}  // namespace leakgate::report

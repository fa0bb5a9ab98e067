// SPDX-License-Identifier: Apache-2.0
// Scoring: see the header. In: truth and result as JSON text or structs. Out: counts and a sentence per
// fault.
#include "simulator/score.h"

#include <algorithm>
#include <map>

#include "simulator/json_access.h"
#include "simulator/score_match.h"

namespace leakgate::simulator {
namespace {

struct ReportedProcess {
  std::int64_t parent = 0;
  std::string exe;
};

std::int64_t signed_of(const nlohmann::json& object, const char* key) {
  const nlohmann::json* value = member(object, key);
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : -1;
}

std::map<std::int64_t, ReportedProcess> parse_processes(const nlohmann::json& document) {
  std::map<std::int64_t, ReportedProcess> processes;
  const nlohmann::json* rows = member(document, "processes");
  if (rows == nullptr || !rows->is_array()) return processes;
  for (const nlohmann::json& row : *rows) {
    processes[signed_of(row, "pid")] = {signed_of(row, "parent"), text_of(row, "exe")};
  }
  return processes;
}

bool is_child(const std::map<std::int64_t, ReportedProcess>& processes, std::int64_t pid) {
  const auto process = processes.find(pid);
  if (process == processes.end()) return false;
  const auto parent = processes.find(process->second.parent);
  return parent != processes.end() && parent->second.exe == process->second.exe;
}

ReportedLeak parse_leak(const nlohmann::json& row) {
  ReportedLeak leak;
  leak.id = text_of(row, "id");
  leak.test = text_of(row, "test");
  leak.kind = text_of(row, "kind");
  leak.verdict = text_of(row, "verdict");
  leak.blocks = number_of(row, "blocks");
  leak.bytes = number_of(row, "bytes");
  if (const nlohmann::json* value = member(row, "confidence"); value != nullptr && value->is_number())
    leak.confidence = value->get<double>();
  if (const nlohmann::json* site = member(row, "site"); site != nullptr && site->is_number_unsigned()) {
    leak.site = site->get<std::size_t>();
  }
  const nlohmann::json* stack = member(row, "stack");
  if (stack == nullptr || !stack->is_array()) return leak;
  for (const nlohmann::json& frame : *stack) {
    leak.stack.push_back({text_of(frame, "function"), text_of(frame, "file"), line_of(frame, "line")});
  }
  return leak;
}

std::string describe(const TruthGroup& group) {
  const TruthLeak& leak = *group.first;
  std::string text = leak.function + " (" + leak.file + ":" + std::to_string(leak.line) + ")";
  if (leak.test) text += " in " + *leak.test;
  if (leak.child) text += " in a child";
  return text + ", " + std::to_string(group.bytes) + " bytes in " + std::to_string(group.blocks) + " blocks";
}

/// Members of a cycle may be called definitely or indirectly lost; every other kind must be the true one.
bool kinds_agree(const TruthGroup& group) {
  std::map<std::string, std::uint64_t> expected = group.bytes_by_kind;
  for (const ReportedLeak* row : group.rows) {
    if (row->kind == "unclassified") return true;
    const bool in_cycle_kind = row->kind == "definitely_lost" || row->kind == "indirectly_lost";
    const bool as_cycle = in_cycle_kind && expected.count("cycle") != 0;
    std::uint64_t& open = expected[as_cycle ? "cycle" : row->kind];
    if (row->bytes > open) return false;
    open -= row->bytes;
  }
  return true;
}

/// The gravest kind of a group's leaks.
std::string kind_of(const TruthGroup& group) {
  for (const char* kind : {"cycle", "definitely_lost", "possibly_lost", "indirectly_lost"})
    if (group.bytes_by_kind.count(kind) != 0) return kind;
  return "still_reachable";
}

void judge_group(const TruthGroup& group, Score& score) {
  score.bytes_true += group.bytes;
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
  bool failed = false;
  for (const ReportedLeak* row : group.rows) {
    bytes += row->bytes;
    blocks += row->blocks;
    failed |= row->verdict == "fail";
  }
  score.bytes_reported += bytes;
  GroupScore& row = score.groups.emplace_back();
  row.test = group.first->test.value_or("");
  row.kind = kind_of(group);
  row.bytes = group.bytes;
  row.bytes_reported = bytes;
  row.must_fail = row.kind != "still_reachable";
  row.found = !group.rows.empty() && (!row.must_fail || failed);
  row.right_bytes = row.found && bytes == group.bytes && blocks == group.blocks;
  row.right_test = row.found && !group.wrong_test;
  row.right_site = row.found && !group.wrong_site;
  row.right_process = row.found && !group.wrong_process;
  row.right_kind = row.found && kinds_agree(group);
  if (group.rows.empty() || (group.must_fail && !failed)) {
    ++score.missed;
    score.faults.push_back((group.rows.empty() ? "missed: " : "reported and not failed: ") + describe(group));
    return;
  }
  ++score.true_positives;
  const auto fault = [&](bool is, std::uint64_t& counter, const std::string& what) {
    if (!is) return;
    ++counter;
    score.faults.push_back(what + ": " + describe(group));
  };
  fault(bytes != group.bytes || blocks != group.blocks, score.wrong_bytes,
        "found as " + std::to_string(bytes) + " bytes in " + std::to_string(blocks) + " blocks");
  fault(group.wrong_test, score.wrong_test, "found in test \"" + group.rows.front()->test + "\"");
  fault(group.wrong_process, score.wrong_process, "found in the wrong process");
  fault(group.wrong_site, score.wrong_site, "found at another site (" + group.rows.front()->id + ")");
  fault(!kinds_agree(group), score.wrong_kind, "found as " + group.rows.front()->kind);
}

}  // namespace

Result<ReportedResult> parse_result(std::string_view json) {
  const nlohmann::json document = nlohmann::json::parse(json, nullptr, false);
  if (document.is_discarded() || text_of(document, "schema") != "leakgate-result/1") {
    return Error{ErrorKind::format, "result: not a leakgate-result/1 document",
                 "write it with leakgate run --json FILE", 0};
  }
  ReportedResult result;
  if (const nlohmann::json* run = member(document, "run")) result.complete = flag_of(*run, "complete");
  if (const nlohmann::json* summary = member(document, "summary"))
    result.verdict = text_of(*summary, "verdict");
  const auto processes = parse_processes(document);
  for (const auto& [pid, process] : processes)
    result.parents.emplace(pid, process.parent);
  const nlohmann::json* leaks = member(document, "leaks");
  if (leaks == nullptr || !leaks->is_array()) {
    return Error{ErrorKind::format, "result: has no leaks array", "write it with leakgate run --json FILE",
                 0};
  }
  for (const nlohmann::json& row : *leaks) {
    ReportedLeak leak = parse_leak(row);
    leak.process = signed_of(row, "process");
    leak.child = is_child(processes, leak.process);
    result.leaks.push_back(std::move(leak));
  }
  return result;
}

bool Score::perfect() const {
  return complete &&
         false_positives + missed + wrong_bytes + wrong_test + wrong_site + wrong_process + wrong_kind == 0;
}

Score score(const Truth& truth, const ReportedResult& result) {
  Score score;
  score.scenario = truth.scenario;
  score.twin = truth.twin;
  score.complete = result.complete;
  if (!result.complete) score.faults.emplace_back("the trace is incomplete");
  const Matching matching = match(truth, result);
  for (const TruthGroup& group : matching.groups) {
    judge_group(group, score);
  }
  for (const ReportedLeak* row : matching.unmatched) {
    if (row->verdict != "fail") continue;
    ++score.false_positives;
    score.alarm_tests.push_back(row->test);
    score.bytes_reported += row->bytes;
    score.faults.push_back("false alarm: " + row->id + " in \"" + row->test + "\", " +
                           std::to_string(row->bytes) + " bytes in " + std::to_string(row->blocks) +
                           " blocks");
  }
  return score;
}

std::string score_to_json(const Score& score) {
  const nlohmann::ordered_json document{
      {"schema", "leakgate-score/1"},
      {"scenario", score.scenario},
      {"twin", score.twin},
      {"perfect", score.perfect()},
      {"complete", score.complete},
      {"true_positives", score.true_positives},
      {"false_positives", score.false_positives},
      {"missed", score.missed},
      {"wrong_bytes", score.wrong_bytes},
      {"wrong_test", score.wrong_test},
      {"wrong_site", score.wrong_site},
      {"wrong_process", score.wrong_process},
      {"wrong_kind", score.wrong_kind},
      {"bytes", {{"true", score.bytes_true}, {"reported", score.bytes_reported}}},
      {"faults", score.faults}};
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool same_function(std::string_view reported, std::string_view name) {
  constexpr std::string_view kAnonymous = "(anonymous namespace)";
  // The bare name: what stands between the last "::" outside of <> and () and the template or call arguments.
  std::size_t start = 0;
  std::size_t index = 0;
  int depth = 0;
  for (; index < reported.size(); ++index) {
    const std::string_view rest = reported.substr(index);
    if (depth == 0 && rest.starts_with(kAnonymous)) {
      index += kAnonymous.size() - 1;
    } else if (depth == 0 && rest.starts_with("operator()")) {
      index += std::string_view("operator()").size() - 1;
    } else if (depth == 0 && rest.front() == '(') {
      break;
    } else if (rest.front() == '<') {
      ++depth;
    } else if (rest.front() == '>') {
      --depth;
    } else if (depth == 0 && (rest.starts_with("::") || rest.front() == ' ')) {
      start = index + (rest.front() == ' ' ? 1 : 2);
    }
  }
  std::string_view bare = reported.substr(start, index - start);
  bare = bare.substr(0, bare.find('<'));
  return bare == name;
}

bool same_file(std::string_view left, std::string_view right) {
  if (left.size() < right.size()) std::swap(left, right);
  if (right.empty() || !left.ends_with(right)) return false;
  return left.size() == right.size() || right.front() == '/' || left[left.size() - right.size() - 1] == '/';
}

}  // namespace leakgate::simulator

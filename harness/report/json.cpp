// SPDX-License-Identifier: Apache-2.0
// leakgate-result/1: the machine-readable verdict, member by member as schema/leakgate-result-1.schema.json
// has it. What is not known is null, not absent.
#include <fmt/format.h>

#include "harness/base/json_writer.h"
#include "harness/model/names.h"
#include "harness/report/frame_memo.h"
#include "harness/report/report.h"

namespace leakgate::report {
namespace {

void text_or_null(JsonWriter& out, std::string_view name, std::string_view text) {
  out.key(name);
  text.empty() ? out.null() : out.string(text);
}

void number_or_null(JsonWriter& out, std::string_view name, std::uint64_t number) {
  out.key(name);
  number == 0 ? out.null() : out.number(number);
}

void list(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts) {
  out.begin_array(name);
  for (const auto& text : texts)
    out.string(text);
  out.end_array();
}

void seconds(JsonWriter& out, std::string_view name, std::uint64_t value, double per_second, int digits) {
  out.key(name);
  out.decimal(static_cast<double>(value) / per_second, digits);
}

void exit_member(JsonWriter& out, const model::ExitState& exit) {
  out.key("exit");
  if (!exit.code && !exit.signal) return out.null();
  out.begin_object();
  if (exit.signal)
    out.member("signal", *exit.signal);
  else
    out.member("code", *exit.code);
  out.end_object();
}

void run_part(JsonWriter& out, const model::RunInfo& run) {
  out.begin_object("run");
  list(out, "command", run.command);
  out.member("started", run.started);
  seconds(out, "wall_s", run.wall_ms, 1e3, 3);
  exit_member(out, run.exit);
  out.member("complete", run.incomplete_reasons.empty());
  out.begin_array("incomplete_reasons");
  for (const auto& reason : run.incomplete_reasons) {
    out.begin_object();
    out.member("cause", reason.cause);
    out.member("count", reason.count);
    out.member("message", reason.message);
    text_or_null(out, "hint", reason.hint);
    out.end_object();
  }
  out.end_array();
  if (run.reruns > 0) {
    out.begin_object("rerun");
    out.member("what", model::name_of(run.rerun_scope));
    out.member("times", std::uint64_t{run.reruns});
    out.end_object();
  }
  out.end_object();
}

void tracer_part(JsonWriter& out, const model::TracerInfo& tracer) {
  out.begin_object("tracer");
  out.member("backend", tracer.backend);
  out.member("kernel", tracer.kernel);
  out.member("allocations", tracer.allocations);
  out.member("frees", tracer.frees);
  out.begin_object("lost");
  for (const auto& [cause, count] : tracer.lost)
    out.member(cause, count);
  out.end_object();
  if (!tracer.truncated_stacks.empty()) {
    out.begin_object("truncated_stacks");
    for (const auto& [cause, count] : tracer.truncated_stacks)
      out.member(cause, count);
    out.end_object();
  }
  out.member("peak_live_blocks", tracer.peak_live_blocks);
  out.member("peak_live_bytes", tracer.peak_live_bytes);
  seconds(out, "held_s", tracer.held_ns, 1e9, 6);
  list(out, "notes", tracer.notes);
  out.end_object();
}

void process_row(JsonWriter& out, const model::Process& process) {
  out.begin_object();
  out.member("pid", process.pid);
  out.member("parent", process.parent_pid);
  out.member("exe", process.exe);
  list(out, "args", process.args);
  exit_member(out, process.exit);
  out.end_object();
}

void test_row(JsonWriter& out, const model::JudgedTest& judged, const model::Verdict& verdict) {
  const auto& test = judged.test;
  out.begin_object();
  out.member("id", test.id);
  out.member("framework", model::name_of(test.framework));
  out.member("process", judged.pid);
  text_or_null(out, "file", test.file);
  number_or_null(out, "line", test.line);
  out.member("outcome", model::name_of(test.outcome));
  seconds(out, "duration_s", test.duration_us, 1e6, 6);
  seconds(out, "held_s", test.held_us, 1e6, 6);
  out.member("allocations", test.allocations);
  out.member("allocated_bytes", test.allocated_bytes);
  out.member("peak_bytes", test.peak_bytes);
  out.member("verdict", model::name_of(judged.verdict));
  out.begin_array("leaks");
  for (const auto index : judged.leaks)
    out.string(verdict.leaks[index].id);
  out.end_array();
  text_or_null(out, "rerun", judged.rerun);
  out.end_object();
}

void frame_row(JsonWriter& out, const model::VerdictFrame& frame) {
  out.begin_object();
  text_or_null(out, "function", frame.function);
  if (!frame.full_function.empty()) out.member("full_function", frame.full_function);
  text_or_null(out, "file", frame.file);
  number_or_null(out, "line", frame.line);
  if (frame.column != 0) out.member("column", std::uint64_t{frame.column});
  out.member("inlined", frame.inlined);
  text_or_null(out, "module", frame.module);
  out.member("offset", frame.offset);
  out.end_object();
}

/// What became of all blocks of the leak's stack in the whole run.
void history(JsonWriter& out, const model::Leak& leak) {
  out.key("history");
  const auto* stack = leak.stack.history();
  if (stack == nullptr || stack->allocations == 0) return out.null();
  out.begin_object();
  out.member("allocations", stack->allocations);
  out.member("frees", stack->frees);
  out.begin_array("lifetime_log2_ms");
  for (const auto count : stack->lifetime_log2_ms)
    out.number(count);
  out.end_array();
  out.end_object();
}

void suppressions(JsonWriter& out, const std::vector<model::SuppressionUse>& uses) {
  out.begin_array("suppressions");
  for (const auto& use : uses) {
    out.begin_object();
    out.member("text", use.text);
    out.member("source", use.source);
    out.member("state", model::name_of(use.state));
    out.member("leaks", use.leaks);
    out.member("bytes", use.bytes);
    out.member("blocks", use.blocks);
    text_or_null(out, "owner", use.owner);
    text_or_null(out, "reason", use.reason);
    text_or_null(out, "expires", use.expires);
    out.end_object();
  }
  out.end_array();
}

void baseline(JsonWriter& out, const model::BaselineDiff& diff) {
  out.key("baseline");
  if (diff.file.empty()) return out.null();
  out.begin_object();
  out.member("file", diff.file);
  out.begin_array("rows");
  for (const auto& row : diff.rows) {
    out.begin_object();
    out.member("state", model::name_of(row.state));
    out.member("test", row.test);
    out.member("fingerprint", row.fingerprint);
    text_or_null(out, "site", row.site);
    out.member("bytes", row.bytes);
    out.member("blocks", row.blocks);
    out.member("accepted_bytes", row.accepted_bytes);
    out.member("accepted_blocks", row.accepted_blocks);
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

void forecast(JsonWriter& out, std::string_view name, const model::ForecastSpan& span) {
  out.begin_object(name);
  out.key("expected");
  out.decimal(span.expected, 3);
  out.key("low");
  out.decimal(span.low, 3);
  out.key("high");
  span.high ? out.decimal(*span.high, 3) : out.null();
  out.end_object();
}

/// What only some leaks have.
void insight(JsonWriter& out, const model::Leak& leak) {
  if (leak.growth != nullptr) {
    const auto& growth = *leak.growth;
    out.begin_object("growth");
    out.member("pattern", model::name_of(growth.pattern));
    out.member("rounds", growth.rounds);
    out.member("rounds_adding", growth.rounds_adding);
    out.member("slope_bytes_per_round", growth.slope_bytes);
    out.member("rounds_per_point", growth.rounds_per_point);
    out.begin_array("added_bytes");
    for (const auto bytes : growth.added_bytes)
      out.number(bytes);
    out.end_array();
    if (growth.forecast) {
      out.begin_object("memory_limit");
      out.member("bytes", growth.forecast->limit_bytes);
      out.member("held_bytes", growth.forecast->held_bytes);
      forecast(out, "rounds", growth.forecast->rounds);
      forecast(out, "seconds", growth.forecast->seconds);
      out.end_object();
    }
    out.end_object();
  }
  if (leak.recurrence.runs > 1) {
    out.begin_object("recurrence");
    out.member("seen", std::uint64_t{leak.recurrence.seen});
    out.member("runs", std::uint64_t{leak.recurrence.runs});
    out.end_object();
  }
  if (leak.freed_by.empty()) return;
  out.begin_array("freed_by");
  for (const auto frame : leak.freed_by)
    frame_row(out, frame);
  out.end_array();
}

void leak_row(JsonWriter& out, const model::Leak& leak, const model::Verdict& verdict, FrameMemo& frames) {
  const bool has_test = leak.test < verdict.tests.size();
  out.begin_object();
  out.member("id", leak.id);
  out.member("test", has_test ? verdict.tests[leak.test].test.id : std::string());
  out.member("process", has_test ? verdict.tests[leak.test].pid : 0);
  out.member("resource", leak.resource);
  out.member("kind", model::name_of(leak.kind));
  out.member("verdict", model::name_of(leak.verdict));
  out.member("reason", leak.reason);
  out.member("bytes", leak.bytes);
  out.member("blocks", leak.blocks);
  out.begin_object("age_s");
  seconds(out, "min", leak.age_min_ms, 1e3, 3);
  seconds(out, "max", leak.age_max_ms, 1e3, 3);
  out.end_object();
  out.key("age_log2_ms");
  leak.age_log2_ms.empty() ? out.null() : out.raw(fmt::format("[{}]", fmt::join(leak.age_log2_ms, ", ")));
  out.member("fingerprint", leak.fingerprint);
  text_or_null(out, "type", leak.type);
  out.member("cycle", leak.cycle);
  out.key("confidence");
  out.decimal(leak.confidence, 3);
  out.member("severity", model::name_of(leak.severity));
  list(out, "retained_by", leak.retained_by);
  if (!leak.section.empty()) out.member("section", leak.section);
  out.begin_array("stack");
  for (std::size_t i = 0; i < leak.stack.size(); ++i)
    frames.write(out, leak.stack, i, [](const auto& frame, JsonWriter& to) { frame_row(to, frame); });
  out.end_array();
  if (leak.stack.truncated()) out.member("stack_ends", leak.stack.truncated_reason());
  text_or_null(out, "baseline",
               leak.baseline == model::BaselineState::none ? "" : model::name_of(leak.baseline));
  text_or_null(out, "recommendation", leak.recommendation);
  history(out, leak);
  text_or_null(out, "pattern", leak.pattern == model::LeakPattern::none ? "" : model::name_of(leak.pattern));
  insight(out, leak);
  out.end_object();
}

}  // namespace

void write_json(const model::Verdict& verdict, const Sink& sink) {
  JsonWriter out(4, sink);
  out.begin_object();
  out.member("schema", "leakgate-result/1");
  out.begin_object("tool");
  out.member("name", "leakgate");
  out.member("version", verdict.tool_version);
  out.end_object();
  run_part(out, verdict.run);
  tracer_part(out, verdict.tracer);
  out.begin_array("processes");
  for (const auto& process : verdict.processes)
    process_row(out, process);
  out.end_array();
  out.begin_array("modules");
  for (const auto& module : verdict.modules) {
    out.begin_object();
    out.member("path", module.path);
    text_or_null(out, "build_id", module.build_id);
    out.end_object();
  }
  out.end_array();
  out.begin_array("tests");
  for (const auto& judged : verdict.tests)
    test_row(out, judged, verdict);
  out.end_array();
  out.begin_array("leaks");
  FrameMemo frames;
  for (const auto& leak : verdict.leaks)
    leak_row(out, leak, verdict, frames);
  out.end_array();
  text_or_null(out, "policy_file", verdict.policy_file);
  suppressions(out, verdict.suppressions);
  baseline(out, verdict.baseline);
  const auto& summary = verdict.summary;
  out.begin_object("summary");
  out.member("tests", summary.tests);
  out.member("clean", summary.clean);
  out.member("leaking", summary.leaking);
  out.member("leaked_bytes", summary.leaked_bytes);
  out.member("leaked_blocks", summary.leaked_blocks);
  out.member("verdict", model::name_of(summary.verdict));
  list(out, "limits_exceeded", verdict.limits_exceeded);
  out.end_object();
  out.end_object();
  out.finish();
}

}  // namespace leakgate::report

// SPDX-License-Identifier: Apache-2.0
// Recording -> JSON body, written in one pass; see recording_tables.h for the form.
#include <unordered_map>

#include "harness/base/json_writer.h"
#include "harness/model/names.h"
#include "harness/model/recording_tables.h"

namespace leakgate::model {
namespace {

void optional_text(JsonWriter& out, std::string_view name, const std::string& value) {
  if (!value.empty()) out.member(name, value);
}

void optional_number(JsonWriter& out, std::string_view name, std::uint64_t value) {
  if (value != 0) out.member(name, value);
}

void optional_index(JsonWriter& out, std::string_view name, std::uint32_t value) {
  if (value != kNone) out.member(name, value);
}

void optional_list(JsonWriter& out, std::string_view name, const std::vector<std::string>& values) {
  if (values.empty()) return;
  out.begin_array(name);
  for (const auto& value : values)
    out.string(value);
  out.end_array();
}

void optional_counts(JsonWriter& out, std::string_view name, const std::vector<std::uint64_t>& values) {
  if (values.empty()) return;
  out.begin_array(name);
  for (const auto value : values)
    out.number(value);
  out.end_array();
}

void write_exit(JsonWriter& out, const ExitState& exit) {
  if (!exit.code && !exit.signal) return;
  out.begin_object("exit");
  if (exit.code) out.member("code", *exit.code);
  if (exit.signal) out.member("signal", *exit.signal);
  out.end_object();
}

void write_run(JsonWriter& out, const RunInfo& run) {
  out.begin_object("run");
  optional_list(out, "command", run.command);
  optional_text(out, "cwd", run.cwd);
  optional_text(out, "source_root", run.source_root);
  optional_text(out, "started", run.started);
  optional_number(out, "wall_ms", run.wall_ms);
  write_exit(out, run.exit);
  if (run.shard) {
    out.begin_object("shard");
    out.member("index", run.shard->index);
    out.member("total", run.shard->total);
    optional_text(out, "by", run.shard->by);
    out.end_object();
  }
  if (run.tests_chosen_by) out.member("tests_chosen_by", *run.tests_chosen_by);
  if (run.reruns != 0) {
    out.member("rerun_scope", name_of(run.rerun_scope));
    out.member("reruns", std::uint64_t{run.reruns});
  }
  out.begin_array("incomplete_reasons");
  for (const auto& reason : run.incomplete_reasons) {
    out.begin_object();
    out.member("cause", reason.cause);
    optional_number(out, "count", reason.count);
    optional_text(out, "message", reason.message);
    optional_text(out, "hint", reason.hint);
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

void write_tracer(JsonWriter& out, const TracerInfo& tracer) {
  out.begin_object("tracer");
  optional_text(out, "backend", tracer.backend);
  optional_text(out, "kernel", tracer.kernel);
  optional_text(out, "unwinder", tracer.unwinder);
  optional_number(out, "allocations", tracer.allocations);
  optional_number(out, "frees", tracer.frees);
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
  optional_number(out, "peak_live_blocks", tracer.peak_live_blocks);
  optional_number(out, "peak_live_bytes", tracer.peak_live_bytes);
  optional_number(out, "held_ns", tracer.held_ns);
  optional_list(out, "notes", tracer.notes);
  out.end_object();
}

void write_process(JsonWriter& out, const Process& process) {
  out.begin_object();
  out.member("pid", process.pid);
  out.member("parent_pid", process.parent_pid);
  optional_text(out, "exe", process.exe);
  optional_list(out, "args", process.args);
  write_exit(out, process.exit);
  out.member("role", name_of(process.role));
  if (process.stripped) out.member("stripped", true);
  optional_number(out, "rerun", process.rerun);
  optional_number(out, "allocations", process.allocations);
  optional_number(out, "frees", process.frees);
  out.end_object();
}

void write_test(JsonWriter& out, const Test& test) {
  out.begin_object();
  out.member("id", test.id);
  out.member("framework", name_of(test.framework));
  optional_index(out, "process", test.process);
  if (test.outside) out.member("outside", true);
  optional_text(out, "file", test.file);
  optional_number(out, "line", test.line);
  out.member("outcome", name_of(test.outcome));
  if (!test.complete) out.member("complete", false);
  optional_number(out, "duration_us", test.duration_us);
  optional_number(out, "allocations", test.allocations);
  optional_number(out, "allocated_bytes", test.allocated_bytes);
  optional_number(out, "peak_bytes", test.peak_bytes);
  optional_number(out, "held_us", test.held_us);
  out.end_object();
}

void write_group(JsonWriter& out, const BlockGroup& group) {
  out.begin_object();
  optional_index(out, "process", group.process);
  optional_index(out, "test", group.test);
  optional_index(out, "stack", group.stack);
  out.member("function", group.function);
  out.member("kind", name_of(group.kind));
  out.member("blocks", group.blocks);
  out.member("bytes", group.bytes);
  optional_number(out, "min_block_bytes", group.min_block_bytes);
  optional_number(out, "max_block_bytes", group.max_block_bytes);
  optional_number(out, "age_min_ms", group.age_min_ms);
  optional_number(out, "age_max_ms", group.age_max_ms);
  optional_counts(out, "age_log2_ms", group.age_log2_ms);
  optional_text(out, "type", group.type);
  if (group.cycle) out.member("cycle", true);
  optional_index(out, "lost_after", group.lost_after);
  if (group.lost_at_end) out.member("lost_at_end", true);
  if (group.thrown_after) out.member("thrown_after", true);
  if (group.failed_after) out.member("failed_after", true);
  optional_text(out, "section", group.section);
  optional_list(out, "retained_by", group.retained_by);
  out.end_object();
}

/// Numbers the texts of frames in the order they are first met.
class StringTable {
 public:
  std::uint64_t add(const std::string& text) {
    const auto [it, is_new] = numbers_.try_emplace(text, texts_.size());
    if (is_new) texts_.push_back(&it->first);
    return it->second;
  }
  [[nodiscard]] const std::vector<const std::string*>& texts() const { return texts_; }

 private:
  std::unordered_map<std::string, std::uint64_t> numbers_;
  std::vector<const std::string*> texts_;
};

void write_frames(JsonWriter& out, const std::vector<Frame>& frames) {
  StringTable strings;
  out.begin_array("frames");
  for (const auto& frame : frames) {
    out.begin_array();
    out.number(strings.add(frame.function));
    out.number(strings.add(frame.full_function));
    out.number(strings.add(frame.file));
    out.number(frame.line);
    out.number(frame.column);
    out.number(frame.inlined ? 1 : 0);
    out.number_signed(frame.module == kNone ? -1 : static_cast<std::int64_t>(frame.module));
    out.number(frame.offset);
    out.end_array();
  }
  out.end_array();
  out.begin_array("strings");
  for (const auto* text : strings.texts())
    out.string(*text);
  out.end_array();
}

void write_stack(JsonWriter& out, const Stack& stack) {
  out.begin_object();
  out.begin_array("frames");
  for (const auto frame : stack.frames)
    out.number(frame);
  out.end_array();
  if (stack.truncated) out.member("truncated", true);
  optional_text(out, "truncated_reason", stack.truncated_reason);
  optional_number(out, "allocations", stack.allocations);
  optional_number(out, "frees", stack.frees);
  optional_counts(out, "lifetime_log2_ms", stack.lifetime_log2_ms);
  optional_index(out, "freed_by", stack.freed_by);
  out.end_object();
}

void write_module(JsonWriter& out, const Module& module) {
  out.begin_object();
  out.member("path", module.path);
  optional_text(out, "build_id", module.build_id);
  out.end_object();
}

template <typename Row, typename Write>
void write_table(JsonWriter& out, std::string_view name, const std::vector<Row>& rows, Write write) {
  out.begin_array(name);
  for (const auto& row : rows)
    write(out, row);
  out.end_array();
}

}  // namespace

std::string format_tables(const Recording& recording) {
  JsonWriter out(2);
  out.begin_object();
  out.member("tool_version", recording.tool_version);
  write_run(out, recording.run);
  write_tracer(out, recording.tracer);
  write_table(out, "processes", recording.processes, write_process);
  write_table(out, "tests", recording.tests, write_test);
  write_table(out, "modules", recording.modules, write_module);
  write_frames(out, recording.frames);
  write_table(out, "stacks", recording.stacks, write_stack);
  write_table(out, "blocks", recording.blocks, write_group);
  out.end_object();
  return out.take();
}

}  // namespace leakgate::model

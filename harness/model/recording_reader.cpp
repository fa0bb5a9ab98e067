// SPDX-License-Identifier: Apache-2.0
// JSON body -> Recording; see recording_tables.h for the form. The input is hostile: each member's type and
// range is checked, the first thing found wrong is the one reported, and indexes that survive refer to rows
// that exist.
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/text.h"
#include "harness/model/names.h"
#include "harness/model/recording_document.h"
#include "harness/model/recording_file.h"
#include "harness/model/recording_tables.h"

namespace leakgate::model {
namespace {

using Json = nlohmann::json;

/// Reports write each stack out, leak by leak; a small hostile file must not grow beyond this on the way.
constexpr std::uint64_t kMaxResolvedBytes = 1ull << 30;

/// Milliseconds of 64 bits have no more powers of two.
constexpr std::size_t kMaxTimeBuckets = 64;

/// Merging counts the parts one by one.
constexpr std::uint32_t kMaxShards = 100000;

/// Reads members of one row and keeps the first complaint. A member that is missing keeps its default.
class Reader {
 public:
  void complain(std::string_view where, std::string_view what) {
    if (!ok()) return;
    const std::string row = index_ ? fmt::format("{}[{}]", table_, *index_) : table_;
    error_ = fmt::format("the recording is not valid: {}.{} {}", row, where, what);
  }
  [[nodiscard]] bool ok() const { return error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }
  /// What is read from here on; put into words only when there is a complaint. `table` must outlive the
  /// reader.
  void enter(const char* table, std::optional<std::size_t> index = {}) { table_ = table, index_ = index; }

  void read(const Json& row, const char* name, std::string& out) {
    const Json* value = find(row, name);
    if (value == nullptr) return;
    if (!value->is_string()) return complain(name, "is not a string");
    out = value->get_ref<const std::string&>();
  }

  void read(const Json& row, const char* name, bool& out) {
    const Json* value = find(row, name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return complain(name, "is not true or false");
    out = value->get<bool>();
  }

  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) void read(const Json& row, const char* name,
                                                                        T& out) {
    if (const Json* value = find(row, name)) number(*value, name, out);
  }

  template <typename T>
  requires std::is_enum_v<T>
  void read(const Json& row, const char* name, T& out) {
    std::string text;
    read(row, name, text);
    if (!ok() || text.empty()) return;
    const auto value = from_name<T>(text);
    if (!value) return complain(name, fmt::format("is '{}', which is unknown", printable(shorten(text, 40))));
    out = *value;
  }

  void read(const Json& row, const char* name, std::vector<std::string>& out) {
    for_each(row, name, [&](const Json& value) {
      if (!value.is_string()) return complain(name, "holds something that is not a string");
      out.push_back(value.get_ref<const std::string&>());
    });
  }

  void read_exit(const Json& row, ExitState& out) {
    const Json* value = find(row, "exit");
    if (value == nullptr || value->is_null()) return;
    if (!value->is_object()) return complain("exit", "is not an object");
    if (value->contains("code")) number(value->at("code"), "exit.code", out.code.emplace());
    if (value->contains("signal")) number(value->at("signal"), "exit.signal", out.signal.emplace());
    if (out.code && out.signal) complain("exit", "has both a code and a signal");
    if (out.signal && (*out.signal < 1 || *out.signal > 127))
      complain("exit.signal", "is not a signal number");
    if (out.code && (*out.code < 0 || *out.code > 255)) complain("exit.code", "is not an exit status");
  }

  /// An index below `size`; missing leaves kNone, which `required` forbids.
  void read_index(const Json& row, const char* name, std::size_t size, bool required, std::uint32_t& out) {
    read(row, name, out);
    if (!ok() || (out == kNone && !required)) return;
    if (out == kNone) return complain(name, "is missing");
    if (out >= size) complain(name, fmt::format("refers to row {} of {}", out, size));
  }

  template <typename T>
  void number(const Json& value, std::string_view name, T& out) {
    if (value.is_number_unsigned()) {
      const auto number = value.get<std::uint64_t>();
      if (std::in_range<T>(number)) return void(out = static_cast<T>(number));
    } else if (value.is_number_integer()) {
      const auto number = value.get<std::int64_t>();
      if (std::in_range<T>(number)) return void(out = static_cast<T>(number));
    } else {
      return complain(name, "is not an integer");
    }
    complain(name, "is out of range");
  }

  template <typename Each>
  void for_each(const Json& row, const char* name, Each each) {
    const Json* value = find(row, name);
    if (value == nullptr) return;
    if (!value->is_array()) return complain(name, "is not a list");
    for (const Json& element : *value) {
      if (!ok()) return;
      each(element);
    }
  }

  const Json* find(const Json& row, const char* name) {
    if (!ok()) return nullptr;
    if (!row.is_object()) {
      complain(name, "cannot be read: its row is not an object");
      return nullptr;
    }
    const auto it = row.find(name);
    return it == row.end() ? nullptr : &*it;
  }

 private:
  const char* table_ = "";
  std::optional<std::size_t> index_;
  std::string error_;
};

void read_run(Reader& in, const Json& row, RunInfo& run) {
  in.enter("run");
  in.read(row, "command", run.command);
  in.read(row, "cwd", run.cwd);
  in.read(row, "source_root", run.source_root);
  in.read(row, "started", run.started);
  in.read(row, "wall_ms", run.wall_ms);
  in.read_exit(row, run.exit);
  if (const Json* shard = in.find(row, "shard")) {
    auto& part = run.shard.emplace();
    in.read(*shard, "index", part.index);
    in.read(*shard, "total", part.total);
    in.read(*shard, "by", part.by);
    if (in.ok() && (part.total == 0 || part.total > kMaxShards || part.index >= part.total))
      in.complain("shard", fmt::format("is part {} of {}", part.index, part.total));
  }
  if (in.find(row, "tests_chosen_by") != nullptr)
    in.read(row, "tests_chosen_by", run.tests_chosen_by.emplace());
  in.read(row, "rerun_scope", run.rerun_scope);
  in.read(row, "reruns", run.reruns);
  in.for_each(row, "incomplete_reasons", [&](const Json& element) {
    auto& reason = run.incomplete_reasons.emplace_back();
    in.read(element, "cause", reason.cause);
    in.read(element, "count", reason.count);
    in.read(element, "message", reason.message);
    in.read(element, "hint", reason.hint);
  });
}

/// The object `name` of `row`, counts by cause; absent is empty.
void read_counts(Reader& in, const Json& row, const char* name,
                 std::map<std::string, std::uint64_t>& counts) {
  const Json* object = in.find(row, name);
  if (object == nullptr) return;
  if (!object->is_object()) return in.complain(name, "is not an object");
  for (const auto& [cause, count] : object->items()) {
    in.number(count, name, counts[cause]);
    if (!in.ok()) return;
  }
}

void read_tracer(Reader& in, const Json& row, TracerInfo& tracer) {
  in.enter("tracer");
  in.read(row, "backend", tracer.backend);
  in.read(row, "kernel", tracer.kernel);
  in.read(row, "unwinder", tracer.unwinder);
  in.read(row, "allocations", tracer.allocations);
  in.read(row, "frees", tracer.frees);
  in.read(row, "peak_live_blocks", tracer.peak_live_blocks);
  in.read(row, "peak_live_bytes", tracer.peak_live_bytes);
  in.read(row, "held_ns", tracer.held_ns);
  in.read(row, "notes", tracer.notes);
  read_counts(in, row, "truncated_stacks", tracer.truncated_stacks);
  read_counts(in, row, "lost", tracer.lost);
}

void read_process(Reader& in, const Json& row, Process& process) {
  in.read(row, "pid", process.pid);
  in.read(row, "parent_pid", process.parent_pid);
  in.read(row, "exe", process.exe);
  in.read(row, "args", process.args);
  in.read_exit(row, process.exit);
  in.read(row, "role", process.role);
  in.read(row, "stripped", process.stripped);
  in.read(row, "rerun", process.rerun);
  in.read(row, "allocations", process.allocations);
  in.read(row, "frees", process.frees);
}

void read_test(Reader& in, const Json& row, const Recording& recording, Test& test) {
  in.read(row, "id", test.id);
  in.read(row, "framework", test.framework);
  in.read_index(row, "process", recording.processes.size(), true, test.process);
  in.read(row, "outside", test.outside);
  in.read(row, "file", test.file);
  in.read(row, "line", test.line);
  in.read(row, "outcome", test.outcome);
  in.read(row, "complete", test.complete);
  in.read(row, "duration_us", test.duration_us);
  in.read(row, "allocations", test.allocations);
  in.read(row, "allocated_bytes", test.allocated_bytes);
  in.read(row, "peak_bytes", test.peak_bytes);
  in.read(row, "held_us", test.held_us);
}

/// Texts that rows refer to. The last one to ask for a text gets it, the others get copies: most names of
/// functions are asked for once.
class Texts {
 public:
  explicit Texts(std::vector<std::string>& texts) : texts_(texts), uses_(texts.size()) {}
  void announce(std::uint64_t index) { ++uses_[index]; }
  std::string take(std::uint64_t index) {
    return --uses_[index] == 0 ? std::move(texts_[index]) : texts_[index];
  }

 private:
  std::vector<std::string>& texts_;
  std::vector<std::uint32_t> uses_;
};

/// Rows of the table "frames" as frames of `out`, whose modules are there already.
void read_frames(Reader& in, std::vector<FrameRow>& rows, std::vector<std::string>& strings, Recording& out) {
  constexpr auto kMax = std::numeric_limits<std::uint32_t>::max();
  Texts texts(strings);
  for (std::size_t number = 0; number < rows.size(); ++number) {
    in.enter("frames", number);
    const auto& column = rows[number].columns;
    for (std::size_t i = 0; i < 3; ++i)
      if (column[i] >= strings.size())
        return in.complain("row", fmt::format("refers to string {} of {}", column[i], strings.size()));
    if (column[3] > kMax || column[4] > kMax) return in.complain("line", "is out of range");
    const bool has_module = column[FrameRow::kModule] != ~std::uint64_t{0};
    if (has_module && column[FrameRow::kModule] >= out.modules.size())
      return in.complain("module", "refers to a module that is not there");
    for (std::size_t i = 0; i < 3; ++i)
      texts.announce(column[i]);
  }
  out.frames.reserve(rows.size());
  for (const FrameRow& row : rows) {
    const auto& column = row.columns;
    const bool has_module = column[FrameRow::kModule] != ~std::uint64_t{0};
    out.frames.push_back(
        {texts.take(column[0]), texts.take(column[1]), texts.take(column[2]),
         static_cast<std::uint32_t>(column[3]), static_cast<std::uint32_t>(column[4]), column[5] != 0,
         has_module ? static_cast<std::uint32_t>(column[FrameRow::kModule]) : kNone, column[7]});
  }
  rows = {};
}

void read_histogram(Reader& in, const Json& row, const char* name, std::vector<std::uint64_t>& buckets) {
  in.for_each(row, name, [&](const Json& element) {
    if (buckets.size() >= kMaxTimeBuckets) return in.complain(name, "has too many buckets");
    in.number(element, name, buckets.emplace_back());
  });
}

/// Counts that do not add up to the blocks would be drawn as if they did.
void read_ages(Reader& in, const Json& row, BlockGroup& group) {
  read_histogram(in, row, "age_log2_ms", group.age_log2_ms);
  if (group.age_log2_ms.empty()) return;
  std::uint64_t rest = group.blocks;
  for (const auto count : group.age_log2_ms) {
    if (count > rest) return in.complain("age_log2_ms", "counts more blocks than there are");
    rest -= count;
  }
  if (rest != 0) in.complain("age_log2_ms", "counts fewer blocks than there are");
}

void read_stack(Reader& in, const Json& row, const Recording& recording, Stack& stack) {
  in.for_each(row, "frames", [&](const Json& element) {
    std::uint32_t frame = 0;
    in.number(element, "frames", frame);
    if (in.ok() && frame >= recording.frames.size())
      in.complain("frames", "refers to a frame that is not there");
    if (stack.frames.size() >= kMaxStackFrames) in.complain("frames", "has too many frames");
    stack.frames.push_back(frame);
  });
  in.read(row, "truncated", stack.truncated);
  in.read(row, "truncated_reason", stack.truncated_reason);
  in.read(row, "allocations", stack.allocations);
  in.read(row, "frees", stack.frees);
  read_histogram(in, row, "lifetime_log2_ms", stack.lifetime_log2_ms);
  in.read(row, "freed_by", stack.freed_by);  // may be a later row: checked when all are there
}

void read_group(Reader& in, const Json& row, const Recording& recording, BlockGroup& group) {
  in.read_index(row, "process", recording.processes.size(), true, group.process);
  in.read_index(row, "test", recording.tests.size(), false, group.test);
  in.read_index(row, "stack", recording.stacks.size(), false, group.stack);
  in.read(row, "function", group.function);
  in.read(row, "kind", group.kind);
  in.read(row, "blocks", group.blocks);
  in.read(row, "bytes", group.bytes);
  in.read(row, "min_block_bytes", group.min_block_bytes);
  in.read(row, "max_block_bytes", group.max_block_bytes);
  in.read(row, "age_min_ms", group.age_min_ms);
  in.read(row, "age_max_ms", group.age_max_ms);
  read_ages(in, row, group);
  in.read(row, "type", group.type);
  in.read(row, "cycle", group.cycle);
  in.read_index(row, "lost_after", recording.tests.size(), false, group.lost_after);
  in.read(row, "lost_at_end", group.lost_at_end);
  in.read(row, "thrown_after", group.thrown_after);
  in.read(row, "failed_after", group.failed_after);
  in.read(row, "section", group.section);
  in.read(row, "retained_by", group.retained_by);
  if (in.ok() && group.test != kNone && recording.tests[group.test].process != group.process)
    in.complain("test", "belongs to another process");
}

template <typename Row, typename Read>
void read_table(Reader& in, Json& body, const char* name, std::vector<Row>& rows, Read read) {
  in.enter("recording");
  const Json* table = in.find(body, name);
  if (table == nullptr) return in.complain(name, "is missing");
  if (!table->is_array()) return in.complain(name, "is not a list");
  rows.reserve(table->size());
  for (const Json& row : *table) {
    if (!in.ok()) return;
    in.enter(name, rows.size());
    read(row, rows.emplace_back());
  }
  body[name] = nullptr;  // a large table must not be held twice
}

void read_all(Reader& in, RecordingDocument& document, Recording& out) {
  Json& body = document.body;
  in.enter("recording");
  in.read(body, "tool_version", out.tool_version);
  for (const char* name : {"run", "tracer"}) {
    const Json* part = in.find(body, name);
    if (part == nullptr || !part->is_object()) return in.complain(name, "is missing");
    name[0] == 'r' ? read_run(in, *part, out.run) : read_tracer(in, *part, out.tracer);
    in.enter("recording");
  }
  std::vector<Json> others;  // what stayed in a table whose rows were taken out is no row
  read_table(in, body, "strings", others, [&](const Json&, Json&) { in.complain("row", "is not a string"); });
  read_table(in, body, "processes", out.processes,
             [&](const Json& row, Process& p) { read_process(in, row, p); });
  read_table(in, body, "tests", out.tests, [&](const Json& row, Test& t) { read_test(in, row, out, t); });
  read_table(in, body, "modules", out.modules, [&](const Json& row, Module& m) {
    in.read(row, "path", m.path);
    in.read(row, "build_id", m.build_id);
  });
  read_table(in, body, "frames", others,
             [&](const Json&, Json&) { in.complain("row", "is not a list of 8 whole numbers"); });
  if (in.ok()) read_frames(in, document.frames, document.strings, out);
  document.strings = {};
  read_table(in, body, "stacks", out.stacks, [&](const Json& row, Stack& s) { read_stack(in, row, out, s); });
  for (const Stack& stack : out.stacks)
    if (in.ok() && stack.freed_by != kNone && stack.freed_by >= out.stacks.size())
      in.complain("freed_by", "refers to a stack that is not there");
  read_table(in, body, "blocks", out.blocks,
             [&](const Json& row, BlockGroup& g) { read_group(in, row, out, g); });
}

/// What the stacks of all blocks take once they are resolved. Counted in units that cannot overflow for a
/// file of 1 GiB.
std::uint64_t resolved_bytes(const Recording& recording) {
  const auto size_of = [&](const Frame& f) {
    const std::size_t module = f.module == kNone ? 0 : recording.modules[f.module].path.size();
    return sizeof(Frame) + f.function.size() + f.full_function.size() + f.file.size() + module;
  };
  std::vector<std::uint64_t> per_stack;
  per_stack.reserve(recording.stacks.size());
  for (const auto& stack : recording.stacks) {
    std::uint64_t bytes = 0;
    for (const auto frame : stack.frames)
      bytes += size_of(recording.frames[frame]);
    per_stack.push_back(bytes);
  }
  std::uint64_t total = 0;
  for (const auto& group : recording.blocks) {
    if (group.stack == kNone) continue;
    total += per_stack[group.stack];
    const std::uint32_t freed_by = recording.stacks[group.stack].freed_by;
    if (freed_by != kNone) total += per_stack[freed_by];
    if (total > kMaxResolvedBytes) break;
  }
  return total;
}

}  // namespace

Result<Recording> parse_tables(std::string_view body, const std::vector<ListSpan>& lists) {
  auto document = parse_document(body, lists);
  if (!document)
    return Error{ErrorKind::format, "the recording is not valid: its content is not JSON",
                 "record the run again"};
  Reader in;
  Recording recording;
  read_all(in, *document, recording);
  if (!in.ok()) return Error{ErrorKind::format, in.error(), "record the run again"};
  if (resolved_bytes(recording) > kMaxResolvedBytes)
    return Error{ErrorKind::format,
                 "the recording is too large to be judged: its stacks take more than 1 GiB",
                 "record parts of the test suite on their own"};
  return recording;
}

}  // namespace leakgate::model

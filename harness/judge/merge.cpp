// SPDX-License-Identifier: Apache-2.0
// Renumbering and adding up; see merge.h.
#include "harness/judge/merge.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <optional>
#include <set>

#include "harness/base/saturated.h"
#include "harness/base/text.h"

namespace leakgate::judge {
namespace {

using model::kNone;
using model::Recording;

void shift(std::uint32_t& index, std::size_t by) {
  if (index != kNone) index += static_cast<std::uint32_t>(by);
}

template <typename Row>
void append(std::vector<Row>& to, std::vector<Row>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void renumber(Recording& part, const Recording& into) {
  for (auto& test : part.tests)
    shift(test.process, into.processes.size());
  for (auto& frame : part.frames)
    shift(frame.module, into.modules.size());
  for (auto& stack : part.stacks) {
    for (auto& frame : stack.frames)
      shift(frame, into.frames.size());
    shift(stack.freed_by, into.stacks.size());
  }
  for (auto& group : part.blocks) {
    shift(group.process, into.processes.size());
    shift(group.test, into.tests.size());
    shift(group.lost_after, into.tests.size());
    shift(group.stack, into.stacks.size());
  }
}

/// How bad an exit is: 0 for success or none, then codes, then signals.
int badness(const model::ExitState& exit) {
  if (exit.signal) return 100000 + *exit.signal;
  return exit.code.value_or(0);
}

void join_run(model::RunInfo& into, model::RunInfo& part) {
  if (part.started < into.started && !part.started.empty()) into.started = part.started;
  into.wall_ms = std::max(into.wall_ms, part.wall_ms);
  if (badness(part.exit) > badness(into.exit)) into.exit = part.exit;
  // relative to different folders, paths are relative to none that could be named
  if (into.cwd != part.cwd || into.source_root != part.source_root) into.cwd.clear();
  if (into.source_root != part.source_root) into.source_root.clear();
  if (part.tests_chosen_by != std::string()) into.tests_chosen_by = std::move(part.tests_chosen_by);
  for (auto& reason : part.incomplete_reasons) {
    const auto same = std::find_if(
        into.incomplete_reasons.begin(), into.incomplete_reasons.end(),
        [&](const auto& known) { return known.cause == reason.cause && known.message == reason.message; });
    if (same == into.incomplete_reasons.end())
      into.incomplete_reasons.push_back(std::move(reason));
    else
      add_to(same->count, reason.count);
  }
}

void join_tracer(model::TracerInfo& into, model::TracerInfo& part) {
  if (into.backend.find(part.backend) == std::string::npos) into.backend += "+" + part.backend;
  add_to(into.allocations, part.allocations);
  add_to(into.frees, part.frees);
  for (const auto& [cause, count] : part.lost)
    add_to(into.lost[cause], count);
  for (const auto& [cause, count] : part.truncated_stacks)
    add_to(into.truncated_stacks[cause], count);
  into.peak_live_blocks = std::max(into.peak_live_blocks, part.peak_live_blocks);
  into.peak_live_bytes = std::max(into.peak_live_bytes, part.peak_live_bytes);
  for (auto& note : part.notes)
    if (std::find(into.notes.begin(), into.notes.end(), note) == into.notes.end())
      into.notes.push_back(std::move(note));
}

/// What was started: parts of other programs are no parts of one whole.
std::string_view program_of(const Recording& recording) {
  return recording.run.command.empty() ? std::string_view() : base_name(recording.run.command.front());
}

/// Of which part the whole is: of none where nothing is known, the only one where all parts are there, else
/// of one of them, so that it is not taken for the whole.
std::optional<model::Shard> joined_shard(const std::vector<Recording>& recordings) {
  if (recordings.size() == 1) return recordings.front().run.shard;
  const model::Shard* part = nullptr;
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  bool all_known = true, one_program = true;
  for (const Recording& recording : recordings) {
    const auto& shard = recording.run.shard;
    all_known = all_known && shard.has_value();
    one_program = one_program && program_of(recording) == program_of(recordings.front());
    if (!shard) continue;
    seen.emplace(shard->total, shard->index);
    if (part == nullptr || shard->total > part->total) part = &*shard;
  }
  if (part == nullptr || (!all_known && part->total == 1)) return {};
  const bool one_total = seen.begin()->first == part->total;
  if (all_known && one_program && one_total && seen.size() == part->total)
    return model::Shard{0, 1, part->by};
  return *part;
}

bool fits(const Recording& into, const Recording& part) {
  const auto both = [](const auto& a, const auto& b) { return a.size() + b.size() < kNone; };
  return both(into.processes, part.processes) && both(into.tests, part.tests) &&
         both(into.modules, part.modules) && both(into.frames, part.frames) && both(into.stacks, part.stacks);
}

}  // namespace

Result<Recording> merge(std::vector<Recording> recordings) {
  if (recordings.empty())
    return Error{ErrorKind::usage, "no recording to merge", "give at least one recording"};
  const auto shard = joined_shard(recordings);
  Recording result = std::move(recordings.front());
  for (std::size_t i = 1; i < recordings.size(); ++i) {
    Recording& part = recordings[i];
    if (!fits(result, part))
      return Error{ErrorKind::format, "the recordings are too large to be merged",
                   "judge them in smaller sets"};
    renumber(part, result);
    join_run(result.run, part.run);
    join_tracer(result.tracer, part.tracer);
    append(result.processes, part.processes);
    append(result.tests, part.tests);
    append(result.modules, part.modules);
    append(result.frames, part.frames);
    append(result.stacks, part.stacks);
    append(result.blocks, part.blocks);
  }
  result.run.shard = shard;
  return result;
}

}  // namespace leakgate::judge

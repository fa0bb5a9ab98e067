// SPDX-License-Identifier: Apache-2.0
// The framework is known by its functions, as for the probes. See repeat.h.
#include "harness/pipeline/repeat.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "harness/base/elf_image.h"
#include "harness/judge/merge.h"
#include "harness/pipeline/marks.h"
#include "harness/pipeline/objects.h"

namespace leakgate::pipeline {
namespace {

bool has_googletest(const RecordRequest& request) {
  const std::vector<std::string> objects = find_objects(request);
  return std::any_of(objects.begin(), objects.end(), [](const std::string& object) {
    const auto image = ElfImage::open(object);
    if (!image) return false;
    const auto marks = find_framework_marks(*image);
    return std::any_of(marks.begin(), marks.end(),
                       [](const capture::Mark& mark) { return mark.framework == model::Framework::gtest; });
  });
}

/// The end was asked for: whoever interrupts one run wants no other.
bool was_interrupted(const model::RunInfo& run) {
  const int signal = run.exit.signal.value_or(0);
  return signal == SIGINT || signal == SIGTERM || signal == SIGQUIT || signal == SIGHUP;
}

Result<model::Recording> record_runs(const RecordRequest& request, std::size_t runs) {
  std::vector<model::Recording> recordings;
  std::uint64_t wall_ms = 0;
  RecordRequest once = request;
  while (recordings.size() < runs) {
    auto recording = record_command(once);
    once.compare_backends = false;  // told of the first
    if (!recording) {
      Error error = std::move(recording).error();
      if (!recordings.empty()) error.kind = ErrorKind::io;  // the command has run before
      return error;
    }
    wall_ms += recording->run.wall_ms;
    for (model::Process& process : recording->processes)
      process.rerun = static_cast<std::uint32_t>(recordings.size());
    recordings.push_back(std::move(*recording));
    if (was_interrupted(recordings.back().run)) break;
  }
  const auto reruns = static_cast<std::uint32_t>(recordings.size() - 1);
  const std::optional<model::Shard> shard = recordings.front().run.shard;
  auto merged = judge::merge(std::move(recordings));
  if (!merged) return std::move(merged).error();
  merged->run.shard = shard;
  merged->run.wall_ms = wall_ms;
  merged->run.rerun_scope = reruns == 0 ? model::RerunScope::none : model::RerunScope::everything;
  merged->run.reruns = reruns;
  merged->tracer.notes.push_back(fmt::format(
      "{} cannot repeat its tests in one process: it was run {} times, which tells leaks that come "
      "each time, and no growth",
      request.command.front(), reruns + 1));
  return merged;
}

}  // namespace

Result<model::Recording> record_repeated(const RecordRequest& request, std::size_t rounds) {
  if (!has_googletest(request)) return record_runs(request, rounds);
  RecordRequest repeated = request;
  repeated.command.push_back(fmt::format("--gtest_repeat={}", rounds));  // the last one counts
  return record_command(repeated);
}

}  // namespace leakgate::pipeline

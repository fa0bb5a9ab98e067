// SPDX-License-Identifier: Apache-2.0
// One query per distinct machine frame; every stack that passes through it shares the answer.
#include "harness/pipeline/resolve_stacks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <map>

#include "harness/judge/runtime_memory.h"
#include "harness/judge/site.h"
#include "harness/pipeline/debuginfod_user.h"
#include "harness/pipeline/free_hints.h"
#include "harness/pipeline/name_blocks.h"
#include "harness/symbolize/frame_cache.h"
#include "harness/symbolize/symbolizer.h"

namespace leakgate::pipeline {
namespace {

/// Null: it cannot be had, and is done without.
std::shared_ptr<symbolize::FrameCache> frame_cache(const std::string& directory) {
  // names depend on the program that makes them, too: this very file
  const symbolize::FileStamp self = symbolize::stamp_of("/proc/self/exe");
  if (directory.empty() || self == symbolize::FileStamp{}) return nullptr;
  auto cache = CacheDirectory::open(directory, "frame cache");
  if (!cache) return nullptr;
  return std::make_shared<symbolize::FrameCache>(
      std::move(*cache), fmt::format("leakgate {} {} {} {} {}", self.device, self.inode, self.bytes,
                                     self.written_ns, self.changed_ns));
}

symbolize::SymbolizerOptions options_for(const RecordRequest& request, const std::string& cwd,
                                         StackResolver::Depth depth) {
  symbolize::SymbolizerOptions options;
  options.use_dwarf = depth == StackResolver::Depth::lines;
  options.paths.source_root = request.source_root.empty() ? cwd : request.source_root;
  for (const auto& [from, to] : request.path_maps)
    options.paths.path_maps.push_back({from, to});
  options.debug_files.become_user = debuginfod_user(request);
  if (options.use_dwarf) options.frames = frame_cache(request.tracer.cache_directory);
  return options;
}

symbolize::ModuleFile file_of(const model::TraceModule& module) {
  const int fd = module.file ? module.file->get() : -1;
  return {module.path, fd >= 0 ? fmt::format("/proc/self/fd/{}", fd) : module.path, module.build_id,
          module.private_copy ? module.path : std::string()};
}

/// The frames of one machine frame, as indexes into recording.frames.
using Resolved = std::map<model::TraceFrame, std::vector<std::uint32_t>>;

std::vector<std::uint32_t> store(std::vector<model::Frame> frames, model::Recording& recording) {
  std::vector<std::uint32_t> indexes;
  for (model::Frame& frame : frames) {
    indexes.push_back(static_cast<std::uint32_t>(recording.frames.size()));
    recording.frames.push_back(std::move(frame));
  }
  return indexes;
}

/// Adds the frames of the stacks that are `wanted`, and those that stand `alone`, to `resolved`, as far as
/// they are not there.
void resolve_frames(const model::Trace& trace, const std::vector<bool>& wanted,
                    std::span<const model::TraceFrame> alone, symbolize::Symbolizer& symbolizer,
                    model::Recording& recording, Resolved& resolved) {
  Resolved fresh;
  for (const model::TraceFrame& frame : alone)
    fresh.try_emplace(frame);
  for (std::size_t i = 0; i < trace.stacks.size(); ++i)
    if (wanted[i])
      for (const model::TraceFrame& frame : trace.stacks[i].frames)
        if (resolved.count(frame) == 0) fresh.try_emplace(frame);
  std::vector<symbolize::Query> queries;
  for (const auto& [frame, indexes] : fresh)
    if (frame.module != model::kNone) queries.push_back({frame.module, frame.address, !frame.exact});
  auto answers = symbolizer.resolve_all(queries);
  std::size_t next = 0;
  for (auto& [frame, indexes] : fresh) {
    if (frame.module != model::kNone) {
      indexes = store(std::move(answers[next++]), recording);
    } else {
      model::Frame unknown;
      unknown.offset = frame.address;
      indexes = store({std::move(unknown)}, recording);
    }
  }
  resolved.merge(fresh);
}

/// How many of the stack's machine frames there are up to the one that a report points at.
std::size_t frames_to_site(const model::TraceStack& stack, const Resolved& resolved,
                           const model::Recording& recording) {
  std::vector<model::VerdictFrame> frames;
  std::vector<std::size_t> number;  // of the machine frame that each belongs to
  for (std::size_t i = 0; i < stack.frames.size(); ++i)
    for (const std::uint32_t index : resolved.at(stack.frames[i])) {
      const model::Frame& frame = recording.frames[index];
      const bool has_module = frame.module < recording.modules.size();
      frames.push_back(
          {frame.function, frame.full_function, frame.file, frame.line, frame.column, frame.inlined,
           has_module ? std::string_view(recording.modules[frame.module].path) : std::string_view(),
           frame.offset});
      number.push_back(i);
    }
  const std::size_t site = judge::find_site(frames, judge::owners_of(frames));
  return site < number.size() ? number[site] + 1 : 0;
}

constexpr std::size_t kMostHints = 5000;  // stacks whose site is looked for among those that free

/// For each stack, where blocks of it or of its site were freed; makes those stacks wanted.
std::vector<std::uint32_t> find_frees(const model::Trace& trace, const Resolved& resolved,
                                      const model::Recording& recording, std::vector<bool>& wanted) {
  FreeHints hints(trace);
  std::vector<std::uint32_t> freed_by(trace.stacks.size(), model::kNone);
  const std::vector<bool> leaking = wanted;
  std::size_t looked_for = 0;
  for (std::uint32_t i = 0; i < trace.stacks.size(); ++i) {
    if (!leaking[i]) continue;
    const model::TraceStack& stack = trace.stacks[i];
    const bool searches = stack.freed_by == model::kNone && ++looked_for <= kMostHints;
    freed_by[i] = hints.find(i, searches ? frames_to_site(stack, resolved, recording) : 0);
    if (freed_by[i] < wanted.size()) wanted[freed_by[i]] = true;
  }
  return freed_by;
}

}  // namespace

StackResolver::StackResolver(const RecordRequest& request, const std::string& cwd, Depth depth)
    : symbolizer_(options_for(request, cwd, depth)),
      // what nobody may want is not worth a download
      reads_ahead_(depth == Depth::lines && !debuginfod_user(request)) {}

void StackResolver::expect(const model::TraceModule& module, bool is_tested) {
  if (!reads_ahead_) return;
  if (!is_tested && !judge::is_runtime_library(judge::module_name(module.path))) return;
  const symbolize::ModuleFile file = file_of(module);
  symbolizer_.read_ahead().add(file, module.file, symbolizer_.keeps(file));
  symbolizer_.read_ahead().start();
}

void StackResolver::expect(const model::TraceModule& module, const model::TraceFrame& frame) {
  if (!reads_ahead_) return;
  const bool in_call = !frame.exact && frame.address > 0;
  const std::uint64_t address = frame.address - (in_call ? 1 : 0);
  const symbolize::ModuleFile file = file_of(module);
  if (!symbolizer_.is_kept(file, address)) symbolizer_.read_ahead().expect(file, address);
}

capture::FrameSeen frames_ahead(std::shared_ptr<StackResolver> resolver) {
  if (!resolver->reads_ahead()) return {};
  return [resolver = std::move(resolver)](const model::TraceModule& module, const model::TraceFrame& frame) {
    resolver->expect(module, frame);
  };
}

capture::ModuleSeen reader_ahead(std::shared_ptr<StackResolver> resolver) {
  return [resolver = std::move(resolver)](const model::TraceModule& module, bool is_tested) {
    resolver->expect(module, is_tested);
  };
}

void StackResolver::resolve(const model::Trace& trace, std::span<const std::size_t> origins,
                            model::Recording& recording) {
  for (; modules_ < trace.modules.size(); ++modules_) {
    [[maybe_unused]] const auto id = symbolizer_.add_module(file_of(trace.modules[modules_]));
  }
  for (const model::TraceModule& module : trace.modules)
    recording.modules.push_back({module.path, module.build_id});
  std::vector<bool> wanted(trace.stacks.size());
  for (const model::BlockGroup& group : recording.blocks)
    if (group.stack < wanted.size()) wanted[group.stack] = true;
  std::vector<bool> looked_at = wanted;
  std::vector<model::TraceFrame> alone;  // of no stack of the trace
  for (const std::size_t origin : origins)
    for (const model::TraceHolder& holder : trace.outstanding[origin].holders) {
      if (holder.stack < looked_at.size()) looked_at[holder.stack] = true;
      if (holder.frame.module < trace.modules.size()) alone.push_back(holder.frame);
    }
  Resolved resolved;
  resolve_frames(trace, looked_at, alone, symbolizer_, recording, resolved);
  const std::vector<std::uint32_t> freed_by = find_frees(trace, resolved, recording, wanted);
  resolve_frames(trace, wanted, {}, symbolizer_, recording, resolved);
  for (std::uint32_t module = 0; module < trace.modules.size(); ++module)
    if (const std::string& note = symbolizer_.note(module); !note.empty())
      recording.tracer.notes.push_back(note);

  std::vector<std::uint32_t> renumbered(trace.stacks.size(), model::kNone);
  for (std::size_t i = 0; i < trace.stacks.size(); ++i) {
    if (!wanted[i]) continue;
    model::Stack stack;
    stack.truncated = !trace.stacks[i].truncated_reason.empty();
    stack.truncated_reason = trace.stacks[i].truncated_reason;
    stack.allocations = trace.stacks[i].allocations;
    stack.frees = trace.stacks[i].frees;
    stack.lifetime_log2_ms = trace.stacks[i].lifetime_log2_ms;
    while (!stack.lifetime_log2_ms.empty() && stack.lifetime_log2_ms.back() == 0)
      stack.lifetime_log2_ms.pop_back();
    for (const model::TraceFrame& frame : trace.stacks[i].frames) {
      const auto& indexes = resolved.at(frame);
      stack.frames.insert(stack.frames.end(), indexes.begin(), indexes.end());
    }
    renumbered[i] = static_cast<std::uint32_t>(recording.stacks.size());
    recording.stacks.push_back(std::move(stack));
  }
  for (std::size_t i = 0; i < trace.stacks.size(); ++i)
    if (wanted[i] && freed_by[i] < renumbered.size())
      recording.stacks[renumbered[i]].freed_by = renumbered[freed_by[i]];
  for (model::BlockGroup& group : recording.blocks)
    group.stack = group.stack < renumbered.size() ? renumbered[group.stack] : model::kNone;
  const auto frames_at = [&](const model::TraceFrame& frame) {
    std::vector<const model::Frame*> frames;
    if (const auto found = resolved.find(frame); found != resolved.end())
      for (const std::uint32_t index : found->second)
        frames.push_back(&recording.frames[index]);
    return frames;
  };
  const auto frames_of = [&](std::uint32_t stack) {
    std::vector<const model::Frame*> frames;
    if (stack < trace.stacks.size())
      for (const model::TraceFrame& frame : trace.stacks[stack].frames)
        for (const model::Frame* each : frames_at(frame))
          frames.push_back(each);
    return frames;
  };
  name_blocks(trace, origins, frames_of, frames_at, recording);
}

}  // namespace leakgate::pipeline

// SPDX-License-Identifier: Apache-2.0
// stack_share [--show] COMMAND [ARGS...]: how many of all the allocation stacks of a command reach the start
// of their thread, leaking or not. As root. Out: one line of JSON; the command's own output is left alone. A
// stack counts as whole when its walk ended by itself and its outermost frame starts a thread or a program.
// --show: the frames of the first stacks that are not whole.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "harness/capture/unwind/unwind_image.h"
#include "harness/launch/signal_relay.h"
#include "harness/launch/target.h"
#include "harness/pipeline/marks.h"
#include "harness/pipeline/objects.h"
#include "harness/pipeline/record.h"
#include "harness/pipeline/run_loop.h"
#include "harness/symbolize/symbolizer.h"

namespace {

using namespace leakgate;

Result<model::Trace> trace_command(const std::vector<std::string>& command) {
  pipeline::RecordRequest request;
  request.command = command;
  request.caller = launch::CallerState::capture();
  request.tracer.all_stacks = true;
  request.tracer.moments = capture::Moments::none;
  const auto signals = launch::SignalRelay::open();
  if (!signals) return signals.error();
  const auto objects = pipeline::find_objects(request);
  launch::LaunchRequest launch_request;
  launch_request.argv = request.command;
  launch_request.caller = request.caller;
  launch_request.private_copies = pipeline::choose_private_copies(objects);
  auto target = launch::Target::hold(launch_request);
  if (!target) return std::move(target).error();
  auto tracer = capture::make_ebpf_tracer(request.tracer);
  if (!tracer) return std::move(tracer).error();
  const auto traced = pipeline::describe_target(*target, launch_request, objects);
  if (auto ready = (*tracer)->start(traced, {pipeline::find_framework_marks, {}, {}}); !ready)
    return std::move(ready).error();
  if (auto released = target->release(); !released) return std::move(released).error();
  auto outcome = pipeline::run_to_end(*target, *signals, **tracer, request);
  if (!outcome) return std::move(outcome).error();
  return (*tracer)->finish();
}

/// Where a program without symbols starts.
bool is_entry(const model::TraceModule& module, std::uint64_t address) {
  auto image = capture::UnwindImage::open(module.file->get());
  return image && address >= image->entry() && address - image->entry() < 64;
}

bool starts_a_thread(const std::string& name, const std::string& module) {
  static const std::vector<std::string> kStarts = {"_start", "clone3", "__clone3", "clone", "__clone"};
  // the dynamic linker's own start calls the constructors of shared libraries
  return std::find(kStarts.begin(), kStarts.end(), name) != kStarts.end() ||
         (module.find("/ld-linux") != std::string::npos && name.starts_with("_dl_start_user"));
}

struct Share {
  std::uint64_t stacks = 0;
  std::uint64_t whole = 0;
  std::map<std::string, std::uint64_t> causes;  ///< of stacks that are not whole
};

void show(const model::Trace& trace, const model::TraceStack& stack, symbolize::Symbolizer& symbolizer) {
  std::fprintf(stderr, "%s: %s\n", stack.function.c_str(), stack.truncated_reason.c_str());
  for (const auto& frame : stack.frames) {
    const bool known = frame.module != model::kNone;
    const auto name =
        known ? symbolizer.resolve(frame.module, frame.address, !frame.exact).back().function : "";
    std::fprintf(stderr, "  %llx %s %s\n", static_cast<unsigned long long>(frame.address),
                 known ? trace.modules[frame.module].path.c_str() : "?", name.c_str());
  }
}

Share count(const model::Trace& trace, int to_show) {
  symbolize::Symbolizer symbolizer;
  for (const auto& module : trace.modules)
    (void)symbolizer.add_module({module.path, fmt::format("/proc/self/fd/{}", module.file->get()), ""});
  std::map<model::TraceFrame, std::string> outermost;
  Share share;
  for (const auto& stack : trace.stacks) {
    ++share.stacks;
    if (!stack.truncated_reason.empty() || stack.frames.empty()) {
      ++share.causes[stack.frames.empty() ? "no frame" : stack.truncated_reason];
      if (stack.truncated_reason != "more frames than are recorded" && to_show-- > 0)
        show(trace, stack, symbolizer);
      continue;
    }
    const auto& last = stack.frames.back();
    const auto [found, fresh] = outermost.try_emplace(last);
    if (fresh && last.module != model::kNone) {
      const auto frames = symbolizer.resolve(last.module, last.address, !last.exact);
      const auto& name = frames.back().function;
      const auto& path = trace.modules[last.module].path;
      if (!starts_a_thread(name, path) && !is_entry(trace.modules[last.module], last.address))
        found->second = fmt::format("ends in {} of {}", name, path);
    } else if (fresh) {
      found->second = "ends in no known file";
    }
    if (found->second.empty()) {
      ++share.whole;
    } else {
      ++share.causes[found->second];
      if (to_show-- > 0) show(trace, stack, symbolizer);
    }
  }
  return share;
}

}  // namespace

int main(int argc, char** argv) {
  const bool shows = argc > 1 && std::string(argv[1]) == "--show";
  if (argc < 2 + shows) {
    std::fprintf(stderr, "usage: stack_share [--show] COMMAND [ARGS...]\n");
    return 125;
  }
  const auto trace = trace_command({argv + 1 + shows, argv + argc});
  if (!trace) {
    std::fprintf(stderr, "stack_share: %s\n", trace.error().message.c_str());
    return 125;
  }
  const Share share = count(*trace, shows ? 20 : 0);
  std::uint64_t cut = 0;
  for (const auto& [cause, allocations] : trace->tracer.truncated_stacks)
    cut += allocations;
  const auto percent = [](std::uint64_t part, std::uint64_t of) {
    return of ? 100.0 * static_cast<double>(part) / static_cast<double>(of) : 100.0;
  };
  std::string causes;
  for (const auto& [cause, stacks] : share.causes)
    causes += fmt::format("{}\"{}\":{}", causes.empty() ? "" : ",", cause, stacks);
  const std::uint64_t allocations = trace->tracer.allocations;
  std::fprintf(stderr,
               "{\"allocations\":%llu,\"whole_percent\":%.3f,\"stacks\":%llu,\"whole_stacks_percent\":%.3f,"
               "\"not_whole\":{%s}}\n",
               static_cast<unsigned long long>(allocations), percent(allocations - cut, allocations),
               static_cast<unsigned long long>(share.stacks), percent(share.whole, share.stacks),
               causes.c_str());
  return 0;
}

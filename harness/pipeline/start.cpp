// SPDX-License-Identifier: Apache-2.0
// A target is held once for each backend that is tried: what a backend needs in the target's environment must
// be there before its exec.
#include "harness/pipeline/start.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "harness/pipeline/objects.h"

namespace leakgate::pipeline {
namespace {

Result<StartedTarget> start_with(const RecordRequest& request, const capture::MakeTracer& make,
                                 const std::vector<std::string>& objects, capture::TracerHooks hooks) {
  capture::TracerOptions options = request.tracer;
  options.preloaded = request.caller.variable("LD_PRELOAD").value_or("");
  auto tracer = make(options);
  if (!tracer) return std::move(tracer).error();
  launch::LaunchRequest launch_request;
  launch_request.argv = request.command;
  launch_request.caller = request.caller;
  launch_request.as_root = request.as_root;
  launch_request.canary = true;
  launch_request.extra_environment = (*tracer)->environment();
  // where the library stands in the process, no file of the machine is probed
  if (request.private_copies && launch_request.extra_environment.empty())
    launch_request.private_copies = choose_private_copies(objects);
  auto target = launch::Target::hold(launch_request);
  if (!target) return std::move(target).error();
  const capture::TracedTarget traced = describe_target(*target, launch_request, objects);
  if (auto ready = (*tracer)->start(traced, std::move(hooks)); !ready) return std::move(ready).error();
  return StartedTarget{std::move(*target), std::move(*tracer), {}};
}

bool is_forbidden(const Error& error) {
  return error.kind == ErrorKind::permission || error.kind == ErrorKind::unsupported;
}

}  // namespace

Result<StartedTarget> start_traced(const RecordRequest& request, const std::vector<std::string>& objects,
                                   const std::function<capture::TracerHooks()>& hooks) {
  std::vector<std::string> notes;
  std::optional<Error> first;
  for (std::size_t i = 0;; ++i) {
    auto started = start_with(request, request.backends[i], objects, hooks());
    if (started) {
      started->notes = std::move(notes);
      return started;
    }
    const bool forbidden = is_forbidden(started.error());
    if (first && forbidden) {  // what the backend that was wanted says helps more
      first->hint += fmt::format("{}the preload backend cannot help: {}", first->hint.empty() ? "" : "; ",
                                 started.error().message);
      return *first;
    }
    if (i + 1 >= request.backends.size() || !forbidden) return started;
    first = started.error();
    notes.push_back(fmt::format("traced by the preload backend, as eBPF is not allowed here: {}",
                                started.error().message));
  }
}

}  // namespace leakgate::pipeline

// SPDX-License-Identifier: Apache-2.0
// One call per stage. What a stage needs from another is handed over here, never fetched.
#include "harness/pipeline/record.h"

#include <chrono>

#include "harness/attribute/attribute.h"
#include "harness/base/kept.h"
#include "harness/base/proc_folder.h"
#include "harness/classify/moment.h"
#include "harness/launch/signal_relay.h"
#include "harness/launch/target.h"
#include "harness/pipeline/canary.h"
#include "harness/pipeline/completeness.h"
#include "harness/pipeline/early_verdict.h"
#include "harness/pipeline/marks.h"
#include "harness/pipeline/objects.h"
#include "harness/pipeline/own_process.h"
#include "harness/pipeline/part_recording.h"
#include "harness/pipeline/quicker_backend.h"
#include "harness/pipeline/resolve_stacks.h"
#include "harness/pipeline/run_loop.h"
#include "harness/pipeline/start.h"

namespace leakgate::pipeline {

namespace {

void note_quicker_backend(const model::Trace& trace, std::optional<double> pair_ns, double processor_s,
                          model::Recording& recording) {
  if (!pair_ns || trace.tracer.backend != "ebpf") return;
  const auto note =
      describe_quicker_backend({trace.tracer.allocations, trace.tracer.frees, processor_s, *pair_ns});
  if (note && can_all_be_preloaded(trace)) recording.tracer.notes.push_back(*note);
}

/// Of a command that has run: no kind by which it would be taken for one that has not.
Error after_start(Error error) {
  error.kind = ErrorKind::io;
  return error;
}

/// What capture calls while it holds a process.
model::ClassifyHeld classifier(const RecordRequest& request) {
  return [options = request.classify](const model::HeldProcess& held, bool with_groups) {
    return classify::classify_held(held, with_groups, options);
  };
}

}  // namespace

Result<model::Recording> record_command(const RecordRequest& request) {
  if (auto proc = check_proc_folder(); !proc) return std::move(proc).error();
  const PriorityKept priority;
  allow_more_open_files();
  model::Recording recording = describe_run(request);
  const auto started = std::chrono::steady_clock::now();
  const double children_before_s = children_s();

  // launch: the command exists, set up as the user's own, and waits before its exec
  const auto signals = launch::SignalRelay::open();
  if (!signals) return signals.error();
  const std::vector<std::string> objects = find_objects(request);
  // capture: probes stand before the first instruction of the command
  const auto resolver = std::make_shared<StackResolver>(request, recording.run.cwd);
  auto started_target = start_traced(request, objects, [&] {
    return capture::TracerHooks{find_framework_marks, classifier(request),
                                early_verdicts(request, recording.run.cwd, resolver), reader_ahead(resolver),
                                frames_ahead(resolver)};
  });
  if (!started_target) return std::move(started_target).error();
  launch::Target* const target = &started_target->target;
  const auto& tracer = started_target->tracer;
  if (auto released = target->release(); !released) return std::move(released).error();
  auto outcome = run_to_end(*target, *signals, *tracer, request);
  if (!outcome) return after_start(std::move(outcome).error());
  const double command_s = children_s() - children_before_s;
  // in a shorter run there is nothing to save that is worth a word
  const bool timed = request.compare_backends && command_s > 1;
  CanaryFindings canary = prove_sight(*target, *tracer, timed);
  auto trace = tracer->finish();
  if (!trace) return after_start(std::move(trace).error());

  // from here on nothing runs any more
  recording.run.exit = outcome->exit;
  recording.run.wall_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(outcome->ended - started).count());
  recording.tracer = trace->tracer;
  recording.tracer.notes.insert(recording.tracer.notes.begin(), started_target->notes.begin(),
                                started_target->notes.end());
  note_isolation(*target, request, recording);

  // attribute: whose blocks are they; classify, symbolize: what and where are they
  take_tests_and_blocks(*trace, attribute::attribute_blocks(*trace), *resolver, recording);
  for (const auto& notes : {describe_stripped(recording), describe_idle(*trace)})
    recording.tracer.notes.insert(recording.tracer.notes.end(), notes.begin(), notes.end());
  recording.run.incomplete_reasons = find_gaps(*trace, *outcome, recording);
  note_quicker_backend(*trace, canary.pair_ns, command_s, recording);
  for (model::IncompleteReason& reason : canary.blindness)
    recording.run.incomplete_reasons.push_back(std::move(reason));
  resolver->finish();
  keep_until_exit(std::move(*trace));
  keep_until_exit(resolver);
  return recording;
}

}  // namespace leakgate::pipeline

// SPDX-License-Identifier: Apache-2.0
// One poll set: the target's pidfd, the tracer, signals, the clock.
#include "harness/pipeline/run_loop.h"

#include <poll.h>
#include <sys/resource.h>

#include <array>
#include <optional>

#include "harness/launch/time_limit.h"

namespace leakgate::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

/// Milliseconds until `deadline`, at least 0, at most a second (so that a lost wake-up costs a second, not a
/// run).
int wait_ms(const std::optional<Clock::time_point>& deadline) {
  constexpr int kMost = 1000;
  if (!deadline) return kMost;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - Clock::now()).count();
  return left < 0 ? 0 : left > kMost ? kMost : static_cast<int>(left) + 1;
}

}  // namespace

Result<RunOutcome> run_to_end(launch::Target& target, const launch::SignalRelay& signals,
                              capture::HeapTracer& tracer, const RecordRequest& request) {
  std::optional<launch::TimeLimit> limit;
  if (request.timeout) {
    auto started = launch::TimeLimit::start(*request.timeout);
    if (!started) return std::move(started).error();
    limit.emplace(std::move(*started));
  }
  // processes wait for our answer while their modules are examined: be quick even on a busy machine. The
  // target was forked before, so it keeps its own priority; without the privilege things are merely slower.
  (void)::setpriority(PRIO_PROCESS, 0, -15);
  RunOutcome outcome;
  std::optional<Clock::time_point> deadline;  // set once the command itself has ended
  for (;;) {
    std::array<pollfd, 4> waits{{{tracer.event_descriptor(), POLLIN, 0},
                                 {signals.fd(), POLLIN, 0},
                                 {limit ? limit->fd() : -1, POLLIN, 0},
                                 {deadline ? -1 : target.pidfd(), POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), wait_ms(deadline)) < 0 && errno != EINTR)
      return system_error(ErrorKind::io, "cannot wait for the command", errno);
    if (auto polled = tracer.poll(); !polled) return std::move(polled).error();
    if (waits[1].revents && !deadline)
      if (auto forwarded = signals.forward(target); !forwarded) return std::move(forwarded).error();
    if (waits[2].revents && limit)
      if (auto acted = limit->act(target); !acted) return std::move(acted).error();
    if (!deadline) {
      auto exit = target.poll_exit();
      if (!exit) return std::move(exit).error();
      if (!*exit) continue;
      outcome.exit = **exit;
      outcome.ended = Clock::now();
      deadline = outcome.ended + request.wait;
      if (auto polled = tracer.poll(); !polled) return std::move(polled).error();
    }
    if (tracer.running().empty() || Clock::now() >= *deadline) break;
  }
  outcome.timed_out = limit && limit->is_hit();
  return outcome;
}

}  // namespace leakgate::pipeline

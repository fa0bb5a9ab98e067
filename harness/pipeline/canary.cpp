// SPDX-License-Identifier: Apache-2.0
// It comes last, not first: probes that were lost on the way would not be missed by a canary that ran before.
#include "harness/pipeline/canary.h"

#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <string>

namespace leakgate::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

/// It takes some milliseconds; a machine that is busy for so long has not run it.
constexpr std::chrono::seconds kPatience{30};

std::vector<model::IncompleteReason> blind(const std::string& what) {
  return {{"canary", 1, fmt::format("leakgate's own test leak was not seen as it should be: {}", what),
           "what leaked may not have been seen either; `leakgate doctor` tests the probes"}};
}

/// Returns once its end has been told, or could have been.
Status watch(const launch::Canary& canary, capture::HeapTracer& tracer) {
  const auto deadline = Clock::now() + kPatience;
  for (bool over = false; !tracer.canary().ended && !over && Clock::now() < deadline;) {
    over = canary.has_ended();
    pollfd wait{tracer.event_descriptor(), POLLIN, 0};
    if (::poll(&wait, 1, 100) < 0 && errno != EINTR)
      return system_error(ErrorKind::io, "cannot wait for it", errno);
    if (auto polled = tracer.poll(); !polled) return polled;
  }
  return {};
}

}  // namespace

CanaryFindings prove_sight(launch::Target& target, capture::HeapTracer& tracer, bool timed) {
  if (target.canary() == nullptr)
    return {blind("there is no process for it: " + target.canary_refusal()), std::nullopt};
  tracer.expect_canary();
  if (auto released = target.canary()->release(timed); !released)
    return {blind(released.error().message), std::nullopt};
  if (auto watched = watch(*target.canary(), tracer); !watched)
    return {blind(watched.error().message), std::nullopt};
  const capture::CanarySight sight = tracer.canary();
  const std::optional<double> pair_ns = timed && sight.ended ? target.canary()->pair_ns() : std::nullopt;
  if (!sight.started) return {blind("its process was not noticed"), pair_ns};
  if (!sight.ended) return {blind("the end of its process was not noticed"), pair_ns};
  if (!sight.lost_found) return {blind("the lost block was not found"), pair_ns};
  if (!sight.held_for_lost) return {blind("the lost block was taken for reachable"), pair_ns};
  if (!sight.free_seen) return {blind("the freed block was not seen to be freed"), pair_ns};
  return {{}, pair_ns};
}

}  // namespace leakgate::pipeline

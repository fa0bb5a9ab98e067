// SPDX-License-Identifier: Apache-2.0
// Ending a target that runs too long. See time_limit.h.
#include "harness/launch/time_limit.h"

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace leakgate::launch {
namespace {

bool arm(int timer, std::chrono::milliseconds delay) {
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(delay.count() / 1000);
  when.it_value.tv_nsec = static_cast<long>(delay.count() % 1000) * 1'000'000;
  return timerfd_settime(timer, 0, &when, nullptr) == 0;
}

void signal_all(const std::vector<Descendant>& processes, int number) {
  // Best effort: some have ended, and some (set-user-id) may not be ours to signal.
  for (const Descendant& process : processes)
    syscall(SYS_pidfd_send_signal, process.pidfd.get(), number, nullptr, 0);
}

}  // namespace

Result<TimeLimit> TimeLimit::start(std::chrono::milliseconds limit, std::chrono::milliseconds grace) {
  if (limit.count() <= 0) return Error{ErrorKind::usage, "the time limit must be more than nothing", {}, 0};
  TimeLimit result;
  result.grace_ = grace.count() > 0 ? grace : std::chrono::milliseconds(1);
  result.timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!result.timer_ || !arm(result.timer_.get(), limit)) {
    return system_error(ErrorKind::io, "cannot set a timer", errno);
  }
  return result;
}

Status TimeLimit::act(const Target& target) {
  std::uint64_t expirations = 0;
  if (read(timer_.get(), &expirations, sizeof expirations) != static_cast<ssize_t>(sizeof expirations))
    return {};
  if (phase_ == Phase::running) {
    phase_ = Phase::terminating;
    signalled_ = find_descendants(target.pid());
    arm(timer_.get(), grace_);
    // before its children: a shell that waits for them would end by itself, as if nothing had been wrong
    const Status status = target.send_signal(SIGTERM);
    signal_all(signalled_, SIGTERM);
    return status;
  }
  phase_ = Phase::killed;
  // Looked up before the first dies: its children would be handed to init and out of sight.
  std::vector<Descendant> now = find_descendants(target.pid());
  for (const Descendant& process : signalled_) {
    for (Descendant& child : find_descendants(process.pid))
      now.push_back(std::move(child));
  }
  const Status status = target.send_signal(SIGKILL);
  signal_all(signalled_, SIGKILL);
  signal_all(now, SIGKILL);
  return status;
}

}  // namespace leakgate::launch

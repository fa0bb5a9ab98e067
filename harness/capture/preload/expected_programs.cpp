// SPDX-License-Identifier: Apache-2.0
// Whoever starts a program waits until it is expected here, so that its end is seen however soon it comes.
#include "harness/capture/preload/expected_programs.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "adapters/preload/shared_layout.h"
#include "harness/base/clock.h"
#include "harness/capture/preload/ended_processes.h"

namespace leakgate::capture {
namespace {

/// Until its libraries are loaded, a program runs for milliseconds: it is waited for so long. One that was
/// seen to live for longer than the second has loaded them, or never will; its end may be seen later, where
/// the machine stood still.
constexpr std::uint64_t kLongestLoadNs = 1'000'000'000, kLongestLifeNs = 500'000'000,
                        kLatestSightNs = 3'000'000'000;
/// How often it is looked at until then.
constexpr long kTurnNs = 2'000'000;
/// More are not looked at again and again.
constexpr std::size_t kMostLookedAt = 256;

bool has_ended(int pidfd) {
  pollfd wait{pidfd, POLLIN, 0};
  return ::poll(&wait, 1, 0) > 0;
}

}  // namespace

void ExpectedPrograms::expect(std::int32_t pid, std::uint64_t time_ns, std::optional<Loading> next) {
  // its own word may be there before that of who started it
  const auto arrived = arrived_ns_.find(pid);
  if (arrived != arrived_ns_.end() && arrived->second >= time_ns) return;
  // a number that is used anew
  if (const auto before = expected_.find(pid); before != expected_.end() && see(pid, before->second))
    settle(before);
  expected_.erase(pid);
  const std::uint64_t now_ns = monotonic_ns();
  const bool waits = next && now_ns - time_ns < preload::kLongestWaitNs;
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const RunningProgram running = look_at_program(pid);
  // killed while it waited, maybe before its file was found: no program was begun
  if (waits && running.gone) return;
  Expected& program = expected_[pid];
  program.time_ns = program.living_ns = waits ? now_ns : time_ns;
  program.pidfd = std::move(pidfd);
  if (waits) {
    program.loading = *next;
    program.before = running;
  } else if (!next) {
    program.loading = running.loading;
    program.begun = true;
  }  // what waited for too long may be either: of that there is no proof
  epoll_event event{};
  event.events = EPOLLIN;
  if (program.pidfd) ::epoll_ctl(events_, EPOLL_CTL_ADD, program.pidfd.get(), &event);
  if (is_open(program, now_ns)) set_timer();
}

void ExpectedPrograms::arrive(std::int32_t pid, std::uint64_t time_ns) {
  arrived_ns_[pid] = time_ns;
  expected_.erase(pid);
}

bool ExpectedPrograms::is_killed_early(std::int32_t pid, const Expected& program) {
  if (program.loading != Loading::possible || program.living_ns - program.time_ns > kLongestLifeNs ||
      monotonic_ns() - program.time_ns > kLatestSightNs)
    return false;
  const auto status = exit_status_of(pid, program.pidfd.get(), -1);
  return status && WIFSIGNALED(static_cast<int>(*status));
}

std::vector<std::int32_t> ExpectedPrograms::starting() const {
  const std::uint64_t now_ns = monotonic_ns();
  std::vector<std::int32_t> pids;
  for (const auto& [pid, program] : expected_)
    if (program.pidfd && program.loading != Loading::impossible && now_ns - program.time_ns < kLongestLoadNs)
      pids.push_back(pid);
  return pids;
}

bool ExpectedPrograms::see(std::int32_t pid, Expected& program) {
  if (!program.ended && program.pidfd && has_ended(program.pidfd.get())) {
    program.ended = true;
    program.killed_early = is_killed_early(pid, program);
    program.pidfd.reset();
  }
  return program.ended;
}

void ExpectedPrograms::look_at(std::int32_t pid, Expected& program) {
  const RunningProgram now = look_at_program(pid);
  if (now.file == 0) {  // it is just ending, or became one that is not to be looked at
    if (now.loading == Loading::impossible && (program.begun || program.before.file != 0))
      program.loading = Loading::impossible;
    return;
  }
  // the same file may be run anew
  program.begun = program.begun || (program.before.file != 0 &&
                                    (now.file != program.before.file || now.device != program.before.device));
  if (program.begun) program.loading = now.loading;
}

bool ExpectedPrograms::is_open(const Expected& program, std::uint64_t now_ns) {
  return program.pidfd && program.loading != Loading::impossible &&
         now_ns - program.time_ns <= kLongestLifeNs;
}

bool ExpectedPrograms::poll() {
  std::uint64_t turns = 0;
  if (timer_) (void)!::read(timer_.get(), &turns, sizeof turns);
  bool some_ended = false, some_open = false;
  std::size_t looked_at = 0;
  for (auto& [pid, program] : expected_) {
    const std::uint64_t now_ns = monotonic_ns();
    if (see(pid, program)) {
      some_ended = true;
      continue;
    }
    program.living_ns = now_ns;
    if (!is_open(program, now_ns)) continue;
    if (++looked_at <= kMostLookedAt) look_at(pid, program);
    some_open = some_open || is_open(program, now_ns);
  }
  if (some_open) set_timer();
  return some_ended;
}

void ExpectedPrograms::set_timer() {
  if (!timer_) {
    timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    epoll_event event{};
    event.events = EPOLLIN;
    if (timer_) ::epoll_ctl(events_, EPOLL_CTL_ADD, timer_.get(), &event);
  }
  itimerspec turn{};
  turn.it_value.tv_nsec = kTurnNs;
  if (timer_) ::timerfd_settime(timer_.get(), 0, &turn, nullptr);
}

void ExpectedPrograms::settle() {
  for (auto next = expected_.begin(); next != expected_.end();)
    if (const auto at = next++; at->second.ended) settle(at);
}

void ExpectedPrograms::settle(std::map<std::int32_t, Expected>::iterator program) {
  ++(program->second.killed_early ? killed_ : unseen_);
  expected_.erase(program);
}

}  // namespace leakgate::capture

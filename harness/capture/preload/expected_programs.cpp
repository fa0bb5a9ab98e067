// SPDX-License-Identifier: Apache-2.0
// Whoever starts a program waits until it is expected here, so that its end is seen however soon it comes.
#include "harness/capture/preload/expected_programs.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "adapters/preload/shared_layout.h"
#include "harness/base/clock.h"
#include "harness/capture/preload/ended_processes.h"

namespace leakgate::capture {
namespace {

/// Until its libraries are loaded, a program runs for milliseconds: it is waited for so long. Its end may be
/// seen later, where the machine stood still; one that lived on would have been looked at by then.
constexpr std::uint64_t kLongestLoadNs = 1'000'000'000, kLatestSightNs = 10 * kLongestLoadNs;
/// More are not looked at again and again.
constexpr std::size_t kMostLookedAt = 256;

/// Whether what runs in the process will never load the library: it has no dynamic linker, or nobody may look
/// at it, as with one that is set-uid. Not so where it is just ending.
bool loads_nothing(std::int32_t pid) {
  const Descriptor file(::open(fmt::format("/proc/{}/exe", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno == EACCES || errno == EPERM;
  Elf64_Ehdr header{};
  if (::pread(file.get(), &header, sizeof header, 0) != sizeof header) return true;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    const auto at = static_cast<off_t>(header.e_phoff + i * sizeof part);
    if (::pread(file.get(), &part, sizeof part, at) != sizeof part) return true;
    if (part.p_type == PT_INTERP) return false;
  }
  return true;
}

bool has_ended(int pidfd) {
  pollfd wait{pidfd, POLLIN, 0};
  return ::poll(&wait, 1, 0) > 0;
}

}  // namespace

void ExpectedPrograms::expect(std::int32_t pid, std::uint64_t time_ns, bool waits) {
  // its own word may be there before that of who started it
  const auto arrived = arrived_ns_.find(pid);
  if (arrived != arrived_ns_.end() && arrived->second >= time_ns) return;
  // a number that is used anew
  if (const auto before = expected_.find(pid); before != expected_.end() && see(pid, before->second))
    settle(before);
  expected_.erase(pid);
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // killed while it waited: no program was begun
  if (!pidfd && errno == ESRCH && waits && monotonic_ns() - time_ns < preload::kLongestWaitNs) return;
  Expected& program = expected_[pid];
  program.time_ns = time_ns;
  program.pidfd = std::move(pidfd);
  epoll_event event{};
  event.events = EPOLLIN;
  if (program.pidfd) ::epoll_ctl(events_, EPOLL_CTL_ADD, program.pidfd.get(), &event);
}

void ExpectedPrograms::arrive(std::int32_t pid, std::uint64_t time_ns) {
  arrived_ns_[pid] = time_ns;
  expected_.erase(pid);
}

bool ExpectedPrograms::is_killed_early(std::int32_t pid, const Expected& program) {
  if (program.cannot_load || monotonic_ns() - program.time_ns > kLatestSightNs) return false;
  const auto status = exit_status_of(pid, program.pidfd.get(), -1);
  return status && WIFSIGNALED(static_cast<int>(*status));
}

std::vector<std::int32_t> ExpectedPrograms::starting() const {
  const std::uint64_t now_ns = monotonic_ns();
  std::vector<std::int32_t> pids;
  for (const auto& [pid, program] : expected_)
    if (program.pidfd && !program.cannot_load && now_ns - program.time_ns < kLongestLoadNs)
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

bool ExpectedPrograms::poll() {
  bool some_ended = false;
  std::size_t looked_at = 0;
  for (auto& [pid, program] : expected_) {
    if (see(pid, program))
      some_ended = true;
    else if (!program.cannot_load && ++looked_at <= kMostLookedAt)
      program.cannot_load = loads_nothing(pid);
  }
  return some_ended;
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

// SPDX-License-Identifier: Apache-2.0
// A pidfd each. The status of somebody else's child is the kernel's to tell: while it is a zombie, or later
// on kernels from 6.15.
#include "harness/capture/preload/ended_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace leakgate::capture {
namespace {

/// struct pidfd_info of linux/pidfd.h (6.15), as far as it is needed.
struct PidfdInfo {
  std::uint64_t mask = 0;
  std::uint64_t cgroup = 0;
  std::uint32_t ids[11] = {};
  std::int32_t exit_code = 0;
};
constexpr std::uint64_t kInfoExit = 1u << 3;

enum class Answer { told, untold, not_yet };

/// Not yet: it is there, though not as a zombie any more.
Answer ask_pidfd(int pidfd, std::uint32_t& status) {
  PidfdInfo info;
  info.mask = kInfoExit;
  if (pidfd < 0 || ::ioctl(pidfd, _IOWR(0xFF, 11, PidfdInfo), &info) != 0) return Answer::untold;
  if ((info.mask & kInfoExit) == 0) return Answer::not_yet;
  status = static_cast<std::uint32_t>(info.exit_code);
  return Answer::told;
}

/// A child of ours: looked at without being taken.
bool ask_child(std::int32_t pid, std::uint32_t& status) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0)
    return false;
  status = info.si_code == CLD_EXITED ? static_cast<std::uint32_t>(info.si_status) << 8
                                      : static_cast<std::uint32_t>(info.si_status);
  return true;
}

/// Field 52 of /proc/PID/stat, while the process is a zombie.
bool ask_zombie(std::int32_t pid, std::uint32_t& status) {
  const Descriptor file(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[2048];
  const ssize_t got = file ? ::read(file.get(), buffer, sizeof buffer - 1) : -1;
  if (got <= 0) return false;
  const std::string text(buffer, static_cast<std::size_t>(got));
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos || text.compare(name_end + 2, 1, "Z") != 0) return false;
  const auto last = text.find_last_of(' ');
  status = static_cast<std::uint32_t>(std::strtoul(text.c_str() + last + 1, nullptr, 10));
  return true;
}

/// Some descriptors stay free for looking at processes; who finds none is asked for from time to time.
bool may_be_kept(int descriptor) {
  constexpr rlim_t kLeftFree = 64;
  rlimit files{};
  return ::getrlimit(RLIMIT_NOFILE, &files) != 0 ||
         static_cast<rlim_t>(descriptor) < files.rlim_cur - std::min(kLeftFree, files.rlim_cur / 2);
}

}  // namespace

bool is_there(std::int32_t tid) {
  std::uint32_t status = 0;
  return (::kill(tid, 0) == 0 || errno == EPERM) && !ask_zombie(tid, status);
}

std::optional<std::uint32_t> exit_status_of(std::int32_t pid, int pidfd, std::int32_t told) {
  std::uint32_t status = 0;
  // while its parent reaps it, its status stands nowhere for a moment, which a busy machine makes longer
  constexpr auto kTurn = std::chrono::milliseconds(1);
  for (int turns = 0; turns < 200; ++turns) {
    if (ask_child(pid, status) || ask_zombie(pid, status)) return status;
    const Answer answer = ask_pidfd(pidfd, status);
    if (answer == Answer::told) return status;
    if (answer == Answer::untold) break;
    std::this_thread::sleep_for(kTurn);
  }
  if (told >= 0) return static_cast<std::uint32_t>(told & 0xff) << 8;  // reaped before anybody looked
  return std::nullopt;
}

std::uint32_t EndedProcesses::add(std::int32_t pid, std::uint32_t index) {
  last_[pid] = index;
  if (const auto found = watched_.find(pid); found != watched_.end()) {
    const std::uint32_t before = found->second.index;
    found->second.index = index;
    return before;
  }
  Watched watched;
  watched.index = index;
  watched.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (watched.pidfd && !may_be_kept(watched.pidfd.get())) watched.pidfd.reset();
  epoll_event event{};
  event.events = EPOLLIN;
  if (watched.pidfd) ::epoll_ctl(events_, EPOLL_CTL_ADD, watched.pidfd.get(), &event);
  watched_.emplace(pid, std::move(watched));
  return kNoImage;
}

std::uint32_t EndedProcesses::image_in(std::int32_t pid) const {
  const auto found = last_.find(pid);
  return found == last_.end() ? kNoImage : found->second;
}

void EndedProcesses::poll(const std::function<void(std::uint32_t, std::int32_t, int)>& ended) {
  std::vector<std::int32_t> gone;
  for (const auto& [pid, watched] : watched_) {
    pollfd wait{watched.pidfd.get(), POLLIN, 0};
    if (watched.pidfd ? ::poll(&wait, 1, 0) == 0 : is_there(pid)) continue;
    gone.push_back(pid);
  }
  for (const std::int32_t pid : gone) {
    const auto found = watched_.find(pid);
    ended(found->second.index, pid, found->second.pidfd.get());
    watched_.erase(found);
  }
}

}  // namespace leakgate::capture

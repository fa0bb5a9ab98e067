// SPDX-License-Identifier: Apache-2.0
// Both halves of the canary's process. See canary.h.
#include "harness/launch/canary/canary.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>

#include "harness/base/canary_blocks.h"
#include "harness/base/close_descriptors.h"
#include "harness/launch/canary/image.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace leakgate::launch {
namespace {

constexpr int kAbandoned = 125;
constexpr char kGo = 'g';
constexpr char kTimed = 't';

/// A file in memory with the program in it; kernels before 6.3 know no MFD_EXEC, later ones warn without it.
Descriptor image_file() {
  Descriptor file(::memfd_create("leakgate-canary", MFD_CLOEXEC | MFD_EXEC));
  if (!file && errno == EINVAL) file.reset(::memfd_create("leakgate-canary", MFD_CLOEXEC));
  if (!file) return file;
  auto left = canary_image();
  while (!left.empty()) {
    const ssize_t written = ::write(file.get(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return {};
    left = left.subspan(static_cast<std::size_t>(written));
  }
  return file;
}

void close_all_but(int one, int other) {
  const auto low = static_cast<unsigned>(std::min(one, other));
  const auto high = static_cast<unsigned>(std::max(one, other));
  if (low > 0) close_descriptors(0, low - 1);
  if (high > low + 1) close_descriptors(low + 1, high - 1);
  close_descriptors(high + 1, ~0u);
}

[[noreturn]] void run_canary(const CanaryPlan& plan) {
  // signals to the foreground process group, Ctrl-C above all, are not for it, nor any other but SIGKILL
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  setsid();
  prctl(PR_SET_NAME, "leakgate-canary");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close_all_but(plan.image, plan.socket);
  if (chdir("/") != 0) _exit(kAbandoned);
  char go = 0;
  ssize_t count = 0;
  do {
    count = recv(plan.socket, &go, sizeof go, 0);
  } while (count < 0 && errno == EINTR);
  if (count != 1) _exit(kAbandoned);  // leakgate is gone, or does not want it
  char name[] = "leakgate-canary";
  char pairs[] = LEAKGATE_CANARY_PAIRS;
  char* argv[] = {name, go == kTimed ? pairs : nullptr, nullptr};
  char* none[] = {nullptr};
  syscall(SYS_execveat, plan.image, "", argv, plan.environment ? plan.environment : none, AT_EMPTY_PATH);
  const int code = errno;
  send(plan.socket, &code, sizeof code, MSG_NOSIGNAL);
  _exit(kAbandoned);
}

}  // namespace

Result<Canary> Canary::prepare() {
  Canary canary;
  canary.image_ = image_file();
  if (!canary.image_)
    return system_error(ErrorKind::unsupported, "the canary program cannot be put into memory", errno);
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error(ErrorKind::io, "cannot make a socket pair", errno);
  canary.socket_.reset(ends[0]);
  canary.child_end_.reset(ends[1]);
  return canary;
}

CanaryPlan Canary::plan() const {
  return {image_.get(), child_end_.get(), socket_.get(), nullptr};
}

void Canary::adopt(pid_t pid) {
  pid_ = pid;
  child_end_.reset();
  image_.reset();
}

Status Canary::release(bool timed) {
  const char go = timed ? kTimed : kGo;
  if (pid_ <= 0 || send(socket_.get(), &go, sizeof go, MSG_NOSIGNAL) != sizeof go)
    return Error{ErrorKind::io, "the canary's process is gone", "", 0};
  int code = 0;
  ssize_t count = 0;
  do {
    count = recv(socket_.get(), &code, sizeof code, 0);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof code)
    return system_error(ErrorKind::unsupported, "the canary program was refused", code,
                        "vm.memfd_noexec and the like must allow executable memory files");
  return {};
}

bool Canary::has_ended() const {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return true;
  // of a process that is held by ptrace every wait tells the stops as well
  return info.si_pid != 0 && info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED;
}

std::optional<double> Canary::pair_ns() const {
  constexpr int kSteps = LEAKGATE_CANARY_STEPS;
  siginfo_t info{};
  int failed = 0;
  do {
    failed = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  } while (failed != 0 && errno == EINTR);
  if (failed != 0 || info.si_code != CLD_EXITED || info.si_status <= 0) return std::nullopt;
  const int value = info.si_status - 1;
  return std::ldexp((kSteps + value % kSteps + 0.5) / kSteps, value / kSteps);
}

Canary::~Canary() {
  if (pid_ <= 0 || !socket_) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

pid_t fork_canary(const CanaryPlan& plan) {
  // not fork: with the target as its parent, the target would meet a child that it never made
  const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) run_canary(plan);
  return static_cast<pid_t>(pid);
}

}  // namespace leakgate::launch

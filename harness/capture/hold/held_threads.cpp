// SPDX-License-Identifier: Apache-2.0
// PTRACE_SEIZE and PTRACE_INTERRUPT: no SIGSTOP is sent, nobody but the tracer is told, and a job control
// stop stays what it was.
#include "harness/capture/hold/held_threads.h"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace leakgate::capture {
namespace {

/// Whether `tid` is a process that this one started: its end is for launch to wait for.
bool is_own_child(std::int32_t tid) {
  std::ifstream status(fmt::format("/proc/{}/status", tid));
  std::int32_t group = 0, parent = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Tgid:")) group = std::atoi(line.c_str() + 5);
    if (line.starts_with("PPid:")) parent = std::atoi(line.c_str() + 5);
  }
  return group == tid && parent == ::getpid();
}

/// A thread that ended while it was traced can be seen by its tracer alone, and its parent would wait for
/// ever: the kernel passes the end on to the parent once the tracer has taken note of it. False: it cannot be
/// taken note of yet, as of a main thread that others have outlived.
bool pass_on_end(std::int32_t tid) {
  if (is_own_child(tid)) return true;
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(tid), &info, WEXITED | WNOHANG | __WALL) != 0 || info.si_pid != 0;
}

}  // namespace

bool HeldThreads::has_ended(std::int32_t tid) {
  std::ifstream file(fmt::format("/proc/{}/stat", tid));
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(") ");
  if (name_end == std::string::npos) return true;  // no longer listed
  const char state = line.c_str()[name_end + 2];
  return state == 'Z' || state == 'X';
}

Status HeldThreads::stop(std::int32_t tid) {
  if (was_asked(tid)) return {};
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) {
    const int why = errno;
    if (why == ESRCH || (why == EPERM && has_ended(tid))) return {};
    return system_error(ErrorKind::permission, fmt::format("cannot hold thread {}", tid), why,
                        "another debugger may be holding it");
  }
  threads_.push_back({tid, false, false, 0});
  if (::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) != 0) look_at(threads_.back());  // it has ended
  return {};
}

void HeldThreads::look_at(Thread& thread) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(thread.tid), &info, WSTOPPED | WNOHANG | __WALL) != 0) {
    if (errno != ECHILD) return;
    thread.gone = true;  // it has ended, or was never traced: neither can stop
    return;
  }
  if (info.si_pid == 0) {
    // a tracee's stop may be told here too, whatever is asked for: it is taken the next time
    siginfo_t ended{};
    if (::waitid(P_PID, static_cast<id_t>(thread.tid), &ended, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
        ended.si_pid != 0 && ended.si_code != CLD_TRAPPED && ended.si_code != CLD_STOPPED)
      thread.gone = true;
    return;
  }
  thread.stopped = true;
  const int event = info.si_status >> 8;
  if (event == 0) thread.signal = info.si_status & 0x7f;  // it was about to take a signal: it still will
}

bool HeldThreads::wait(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  auto pause = std::chrono::microseconds(5);
  for (;;) {
    bool all = true;
    for (Thread& thread : threads_) {
      if (!thread.stopped && !thread.gone) look_at(thread);
      all = all && (thread.stopped || thread.gone);
    }
    if (all) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(500));
  }
}

bool HeldThreads::has_stopped(std::int32_t tid) const {
  return std::any_of(threads_.begin(), threads_.end(),
                     [tid](const Thread& thread) { return thread.tid == tid && thread.stopped; });
}

bool HeldThreads::was_asked(std::int32_t tid) const {
  return std::any_of(threads_.begin(), threads_.end(),
                     [tid](const Thread& thread) { return thread.tid == tid && !thread.gone; });
}

bool HeldThreads::release() {
  std::erase_if(threads_, [](Thread& thread) {
    if (!thread.stopped && !thread.gone) look_at(thread);  // it can be let go only while it stands still
    if (thread.stopped && ::ptrace(PTRACE_DETACH, thread.tid, nullptr,
                                   reinterpret_cast<void*>(std::intptr_t{thread.signal})) != 0) {
      thread.stopped = false;  // killed meanwhile
      look_at(thread);
    }
    return thread.stopped || (thread.gone && pass_on_end(thread.tid));
  });
  return threads_.empty();
}

HeldThreads::~HeldThreads() {
  release();
}

}  // namespace leakgate::capture

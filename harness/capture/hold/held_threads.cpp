// SPDX-License-Identifier: Apache-2.0
// PTRACE_SEIZE and PTRACE_INTERRUPT: no SIGSTOP is sent, nobody but the tracer is told, and a job control
// stop stays what it was.
#include "harness/capture/hold/held_threads.h"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace leakgate::capture {

Status HeldThreads::stop(std::int32_t tid) {
  if (was_asked(tid)) return {};
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) {
    if (errno == ESRCH) return {};
    return system_error(ErrorKind::permission, fmt::format("cannot hold thread {}", tid), errno,
                        "another debugger may be holding it");
  }
  threads_.push_back({tid, false, false, 0});
  if (::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) != 0) threads_.back().gone = true;
  return {};
}

void HeldThreads::look_at(Thread& thread) {
  siginfo_t info{};
  // exits are left for those who wait for them
  if (::waitid(P_PID, static_cast<id_t>(thread.tid), &info, WSTOPPED | WNOHANG | __WALL) != 0) {
    if (errno == ECHILD) thread.gone = true;
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
    if (thread.stopped)
      ::ptrace(PTRACE_DETACH, thread.tid, nullptr, reinterpret_cast<void*>(std::intptr_t{thread.signal}));
    return thread.stopped || thread.gone;
  });
  return threads_.empty();
}

HeldThreads::~HeldThreads() {
  release();
}

}  // namespace leakgate::capture

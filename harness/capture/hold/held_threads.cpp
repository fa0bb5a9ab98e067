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
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "harness/capture/process_maps.h"

namespace leakgate::capture {
namespace {

constexpr std::chrono::microseconds kLongestPause(500);

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

/// The threads that are traced while one more is asked for. There is one tracer: ptrace's bonds are a
/// process's.
struct Asking {
  std::mutex mutex;
  std::vector<std::int32_t> traced;
};
Asking& asking() {
  static Asking one;
  return one;
}

/// Whether `tid` has ended, and its tracer has not taken note of it.
bool awaits_note(std::int32_t tid) {
  // a tracee's stop may be told here too, whatever is asked for: it stays to be taken
  siginfo_t ended{};
  return ::waitid(P_PID, static_cast<id_t>(tid), &ended, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
         ended.si_pid != 0 && ended.si_code != CLD_TRAPPED && ended.si_code != CLD_STOPPED;
}

/// As in /proc/PID/stat; X where the thread is no longer listed.
char state_of(std::int32_t tid) {
  std::ifstream file(fmt::format("/proc/{}/stat", tid));
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(") ");
  return name_end == std::string::npos ? 'X' : line.c_str()[name_end + 2];
}

}  // namespace

void HeldThreads::take_note_of_ended() {
  const std::lock_guard lock(asking().mutex);
  for (const std::int32_t tid : asking().traced)
    if (awaits_note(tid)) pass_on_end(tid);
}

bool HeldThreads::has_ended(std::int32_t tid) {
  const char state = state_of(tid);
  return state == 'Z' || state == 'X';
}

Status HeldThreads::stop(std::int32_t tid) {
  if (was_asked(tid)) return {};
  {
    const std::lock_guard lock(asking().mutex);
    for (const Thread& thread : threads_)
      asking().traced.push_back(thread.tid);
  }
  const int why = ::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) == 0 ? 0 : errno;
  {
    const std::lock_guard lock(asking().mutex);
    asking().traced.clear();
  }
  if (why != 0) {
    if (why == ESRCH || (why == EPERM && has_ended(tid))) return {};
    return system_error(ErrorKind::permission, "cannot hold one of its threads", why,
                        "another debugger may be holding it");
  }
  threads_.push_back({tid, false, false, 0});
  if (::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) != 0)
    look_at(threads_.back());  // it has ended, or execed
  follow_exec();
  return {};
}

void HeldThreads::stop_running() {
  for (const std::int32_t tid : tasks_of(pid_))
    if (state_of(tid) == 'R') (void)stop(tid);
}

/// A thread that execs goes on as the first one of its process, and we go on tracing it.
void HeldThreads::follow_exec() {
  if (!std::exchange(has_vanished_, false) || ::ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) != 0) return;
  const auto first = std::find_if(threads_.begin(), threads_.end(),
                                  [this](const Thread& thread) { return thread.tid == pid_; });
  if (first == threads_.end())
    threads_.push_back({pid_, false, false, 0});
  else
    first->gone = false;
}

void HeldThreads::look_at(Thread& thread) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(thread.tid), &info, WSTOPPED | WNOHANG | __WALL) != 0) {
    if (errno != ECHILD) return;
    thread.gone = true;  // it has ended, or has another number
    has_vanished_ |= thread.tid != pid_;
    return;
  }
  if (info.si_pid == 0) {
    thread.gone = awaits_note(thread.tid);
    return;
  }
  thread.stopped = true;
  const int event = info.si_status >> 8;
  if (event == 0) thread.signal = info.si_status & 0x7f;  // it was about to take a signal: it still will
}

bool HeldThreads::wait(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::chrono::microseconds pause(5);
  for (;;) {
    bool all = true;
    for (Thread& thread : threads_) {
      if (thread.gone) continue;
      if (!thread.stopped)
        look_at(thread);
      else if (pause == kLongestPause && awaits_note(thread.tid))
        thread = {.tid = thread.tid, .gone = true};  // killed by one that execs, or for good
      all = all && (thread.stopped || thread.gone);
      if (thread.gone && thread.tid != pid_) pass_on_end(thread.tid);  // who execs waits for that
    }
    if (has_vanished_) all = false;
    follow_exec();
    if (all) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
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
  std::erase_if(threads_, [this](Thread& thread) {
    if (!thread.stopped && !thread.gone) look_at(thread);  // it can be let go only while it stands still
    if (thread.stopped && ::ptrace(PTRACE_DETACH, thread.tid, nullptr,
                                   reinterpret_cast<void*>(std::intptr_t{thread.signal})) != 0) {
      thread.stopped = false;  // killed meanwhile
      look_at(thread);
    }
    return thread.stopped || (thread.gone && pass_on_end(thread.tid));
  });
  follow_exec();
  return threads_.empty();
}

HeldThreads::~HeldThreads() {
  release();
}

}  // namespace leakgate::capture

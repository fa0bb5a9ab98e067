// SPDX-License-Identifier: Apache-2.0
// Stops threads of another process for a moment, by ptrace, and lets them go on as if nothing had been. In:
// thread ids. Out: threads that stand still while the object lives. If leakgate dies, the kernel lets them
// go.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::capture {

class HeldThreads {
 public:
  /// Of process `pid`.
  explicit HeldThreads(std::int32_t pid) : pid_(pid) {}
  HeldThreads(const HeldThreads&) = delete;
  HeldThreads& operator=(const HeldThreads&) = delete;
  HeldThreads(HeldThreads&&) = default;
  HeldThreads& operator=(HeldThreads&&) = default;
  /// Calls release(); what it could not let go is let go by the kernel when leakgate ends.
  ~HeldThreads();

  /// Lets every thread go on, each with the signal it was stopped by, if any; the end of one that has ended
  /// is its parent's to hear of. False: some did not stop yet (they sleep in the kernel), or not all of a
  /// process has ended; call it again later.
  bool release();

  /// Whether a thread is over, and is listed only because others outlived it (a main thread) or because its
  /// tracer has not taken note yet.
  [[nodiscard]] static bool has_ended(std::int32_t tid);

  /// Asks a thread to stop, without waiting for it. Fails with permission where another tracer has it. A
  /// thread that is gone is no failure. All calls must come from one thread of ours.
  Status stop(std::int32_t tid);
  /// Asks those that run now, as far as that can be; there may be others when it returns.
  void stop_running();
  /// Takes note of threads that have ended while stop() waits for the kernel. To be called now and then from
  /// another thread of ours: a thread that is about to exec lets nobody trace it, and does so only when the
  /// others of its process have ended and their tracer, which is us, has taken note of that.
  static void take_note_of_ended();
  /// Waits until every thread that was asked has stopped or is gone. False: not within `limit`.
  bool wait(std::chrono::milliseconds limit);
  /// True for a thread that has stopped.
  [[nodiscard]] bool has_stopped(std::int32_t tid) const;
  [[nodiscard]] bool was_asked(std::int32_t tid) const;

 private:
  struct Thread {
    std::int32_t tid = 0;
    bool stopped = false;
    bool gone = false;
    int signal = 0;  ///< to be delivered when it goes on
  };
  void look_at(Thread& thread);
  void follow_exec();

  std::int32_t pid_;
  bool has_vanished_ = false;  ///< a thread is gone of whose end nothing was heard
  std::vector<Thread> threads_;
};

}  // namespace leakgate::capture

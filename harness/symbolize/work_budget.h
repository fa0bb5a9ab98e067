// SPDX-License-Identifier: Apache-2.0
// WorkBudget: the bound on what reading one module's debug information may cost.
// Debug information comes from untrusted files, and a small file can describe an unbounded tree (sibling
// links that point back, shared range lists, abbreviations with a million attributes): steps and wall time
// both end it.
#pragma once

#include <chrono>
#include <cstdint>

namespace leakgate::symbolize {

/// Steps and time left; once spent, it stays spent.
class WorkBudget {
 public:
  WorkBudget(std::uint64_t steps, std::chrono::milliseconds time) : steps_left_(steps), time_left_(time) {}

  /// Takes `steps`; false when nothing is left, and the caller must stop.
  [[nodiscard]] bool spend(std::uint64_t steps = 1) {
    if (spent_) return false;
    if (steps > steps_left_) return fail();
    steps_left_ -= steps;
    // One step can be slow in a hostile file, so the clock is read often; 16 steps keep it under 2 ns each.
    if (++since_clock_ >= 16) {
      since_clock_ = 0;
      if (running_ && elapsed() > time_left_) return fail();
    }
    return true;
  }

  [[nodiscard]] bool spent() const { return spent_; }

  /// The clock runs only while a lookup is in progress.
  void start() {
    running_ = true;
    started_ = Clock::now();
  }
  void stop() {
    if (!running_) return;
    running_ = false;
    const auto used = elapsed();
    time_left_ = used > time_left_ ? Clock::duration::zero() : time_left_ - used;
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Clock::duration elapsed() const { return Clock::now() - started_; }
  bool fail() {
    spent_ = true;
    return false;
  }

  std::uint64_t steps_left_;
  Clock::duration time_left_;
  Clock::time_point started_{};
  std::uint32_t since_clock_ = 0;
  bool running_ = false;
  bool spent_ = false;
};

}  // namespace leakgate::symbolize

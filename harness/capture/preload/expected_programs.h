// SPDX-License-Identifier: Apache-2.0
// ExpectedPrograms: keeps count of programs that were started and never told of themselves. In: what the
// libraries say before an exec, and the programs that came. Out: how many ran unseen, and how many could not
// have been seen, since they were killed before their libraries were loaded. Of that there must be a proof.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "harness/base/descriptor.h"
#include "harness/capture/preload/program_file.h"

namespace leakgate::capture {

class ExpectedPrograms {
 public:
  /// `events`: an epoll descriptor, the caller's, that becomes readable when it is time to poll().
  explicit ExpectedPrograms(int events) : events_(events) {}

  /// Process `pid` became another program after `time_ns` (CLOCK_MONOTONIC); `next`: it waits, and will do so
  /// when this is done, and that is what the program's file tells.
  void expect(std::int32_t pid, std::uint64_t time_ns, std::optional<Loading> next);
  /// The exec has failed.
  void cancel(std::int32_t pid) { expected_.erase(pid); }
  /// A program has told of itself, which began at `time_ns`.
  void arrive(std::int32_t pid, std::uint64_t time_ns);
  /// Sees who has ended. True: some have, who may have told of themselves before; when that was looked at,
  /// settle() counts those who have not.
  bool poll();
  void settle();

  [[nodiscard]] bool has_arrived(std::int32_t pid) const { return arrived_ns_.contains(pid); }
  [[nodiscard]] bool is_expected(std::int32_t pid) const { return expected_.contains(pid); }
  /// That live, and may be about to load the library.
  [[nodiscard]] std::vector<std::int32_t> starting() const;
  /// That ran without the library, or still do.
  [[nodiscard]] std::uint64_t unseen() const { return unseen_ + expected_.size(); }
  /// That a signal ended before they could have told of themselves.
  [[nodiscard]] std::uint64_t killed() const { return killed_; }

 private:
  struct Expected {
    std::uint64_t time_ns = 0;    ///< it did not run before
    std::uint64_t living_ns = 0;  ///< when it was last seen to live
    Descriptor pidfd;
    Loading loading = Loading::unknown;
    RunningProgram before;  ///< what waited
    bool begun = false;     ///< what runs is the program
    bool ended = false;
    bool killed_early = false;
  };
  /// Whether it has ended.
  static bool see(std::int32_t pid, Expected& program);
  static void look_at(std::int32_t pid, Expected& program);
  void settle(std::map<std::int32_t, Expected>::iterator program);
  /// Whether it was still about to load its libraries when it ended.
  [[nodiscard]] static bool is_killed_early(std::int32_t pid, const Expected& program);
  /// Whether it matters what is seen of it.
  [[nodiscard]] static bool is_open(const Expected& program, std::uint64_t now_ns);
  /// Has poll() called soon.
  void set_timer();

  int events_;
  Descriptor timer_;
  std::map<std::int32_t, Expected> expected_;
  std::map<std::int32_t, std::uint64_t> arrived_ns_;
  std::uint64_t unseen_ = 0;
  std::uint64_t killed_ = 0;
};

}  // namespace leakgate::capture

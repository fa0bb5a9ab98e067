// SPDX-License-Identifier: Apache-2.0
// Programs that were started and said nothing of themselves: those that ran unseen, and those that could not
// have been seen.
#include "harness/capture/preload/expected_programs.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "harness/base/clock.h"

namespace leakgate::capture {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// A child of this program's, which waits; or one that becomes `program`.
pid_t start(const char* program = nullptr) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (program) ::execl(program, program, "wait", static_cast<char*>(nullptr));
  for (;;)
    ::pause();
}

void take(pid_t pid, int signal) {
  if (signal != 0) ::kill(pid, signal);
  ::waitpid(pid, nullptr, 0);
}

class Expected : public testing::Test {
 protected:
  Expected() : events_(::epoll_create1(EPOLL_CLOEXEC)), programs_(events_.get()) {}

  /// Sees and settles until the process is seen to have ended.
  void see_end() {
    for (int i = 0; i < 500 && !programs_.poll(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    programs_.settle();
  }

  Descriptor events_;
  ExpectedPrograms programs_;
};

TEST_F(Expected, OneThatComesIsNotMissed) {
  const pid_t pid = start();
  const std::uint64_t now = monotonic_ns();
  programs_.expect(pid, now, Loading::possible);
  EXPECT_TRUE(programs_.is_expected(pid));
  EXPECT_EQ(programs_.unseen(), 1u);
  programs_.arrive(pid, now + 1);
  EXPECT_EQ(programs_.unseen(), 0u);
  EXPECT_TRUE(programs_.has_arrived(pid));
  programs_.expect(pid, now, {});
  EXPECT_EQ(programs_.unseen(), 0u) << "whoever started it says so afterwards";
  programs_.expect(pid, now + 2, Loading::possible);
  EXPECT_EQ(programs_.unseen(), 1u) << "the next program in the same process";
  programs_.cancel(pid);
  EXPECT_EQ(programs_.unseen(), 0u);
  take(pid, SIGKILL);
}

TEST_F(Expected, OneMayBeStartingForASecond) {
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns(), {});
  EXPECT_EQ(programs_.starting(), std::vector<std::int32_t>{pid});
  programs_.expect(pid, monotonic_ns() - 2 * kSecond, {});
  EXPECT_TRUE(programs_.starting().empty());
  take(pid, SIGKILL);
}

TEST_F(Expected, OneThatIsKilledAsItStartsIsNoneThatRanUnseen) {
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns(), {});
  EXPECT_FALSE(programs_.poll());
  take(pid, SIGKILL);
  see_end();
  EXPECT_EQ(programs_.killed(), 1u);
  EXPECT_EQ(programs_.unseen(), 0u);
}

TEST_F(Expected, OneThatIsKilledLaterRanUnseen) {
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns() - 20 * kSecond, {});
  take(pid, SIGKILL);
  see_end();
  EXPECT_EQ(programs_.killed(), 0u);
  EXPECT_EQ(programs_.unseen(), 1u);
}

TEST_F(Expected, OneThatEndsByItselfRanUnseen) {
  const pid_t pid = start("/bin/true");
  programs_.expect(pid, monotonic_ns(), {});
  see_end();
  take(pid, 0);
  EXPECT_EQ(programs_.killed(), 0u);
  EXPECT_EQ(programs_.unseen(), 1u);
}

TEST_F(Expected, OneWithoutADynamicLinkerRanUnseenHoweverItEnded) {
  const pid_t pid = start(LEAKGATE_STATIC_FIXTURE);
  programs_.expect(pid, monotonic_ns(), {});
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  programs_.poll();
  take(pid, SIGKILL);
  see_end();
  EXPECT_EQ(programs_.killed(), 0u);
  EXPECT_EQ(programs_.unseen(), 1u);
}

TEST_F(Expected, OneWhoseFileHasNoDynamicLinkerRanUnseenHoweverSoonItEnded) {
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns(), Loading::impossible);
  EXPECT_TRUE(programs_.starting().empty());
  take(pid, SIGKILL);
  see_end();
  EXPECT_EQ(programs_.killed(), 0u);
  EXPECT_EQ(programs_.unseen(), 1u);
}

/// As with those that another C library's dynamic linker starts.
TEST_F(Expected, OneOfWhichNothingIsKnownRanUnseen) {
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns(), Loading::unknown);
  EXPECT_FALSE(programs_.poll());
  take(pid, SIGKILL);
  see_end();
  EXPECT_EQ(programs_.killed(), 0u);
  EXPECT_EQ(programs_.unseen(), 1u);
}

TEST_F(Expected, OneThatRunsIsBelievedMoreThanItsFile) {
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns(), Loading::possible);
  take(pid, SIGKILL);
  const pid_t other = start(LEAKGATE_STATIC_FIXTURE);
  programs_.expect(other, monotonic_ns(), Loading::possible);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  see_end();
  take(other, SIGKILL);
  see_end();
  EXPECT_EQ(programs_.killed(), 1u);
  EXPECT_EQ(programs_.unseen(), 1u);
}

/// It has loaded its libraries, or never will.
TEST_F(Expected, OneThatWasSeenToLiveForLongRanUnseen) {
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns() - kSecond, {});
  EXPECT_FALSE(programs_.poll());
  take(pid, SIGKILL);
  see_end();
  EXPECT_EQ(programs_.killed(), 0u);
  EXPECT_EQ(programs_.unseen(), 1u);
}

TEST_F(Expected, OneIsLookedAtSoonWhileItMatters) {
  const auto is_time = [&](int within_ms) {
    epoll_event event{};
    return ::epoll_wait(events_.get(), &event, 1, within_ms) == 1;
  };
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns(), {});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(is_time(400)) << i;
    EXPECT_FALSE(programs_.poll());
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  EXPECT_FALSE(programs_.poll());
  EXPECT_FALSE(is_time(50)) << "it is known to run unseen";
  take(pid, SIGKILL);
  EXPECT_TRUE(is_time(1000));
  see_end();
  EXPECT_EQ(programs_.unseen(), 1u);
}

TEST_F(Expected, OneThatIsGoneBeforeItWasLetGoNeverBegan) {
  const pid_t pid = start();
  take(pid, SIGKILL);
  programs_.expect(pid, monotonic_ns(), Loading::possible);
  EXPECT_EQ(programs_.unseen(), 0u);
  programs_.expect(pid, monotonic_ns() - 2 * kSecond, Loading::possible);
  EXPECT_EQ(programs_.unseen(), 1u) << "it waited no longer";
}

TEST_F(Expected, OneThatIsKilledWhileItWaitsNeverBegan) {
  const pid_t pid = start();
  ::kill(pid, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  programs_.expect(pid, monotonic_ns(), Loading::unknown);
  EXPECT_EQ(programs_.unseen() + programs_.killed(), 0u);
  take(pid, 0);
}

TEST_F(Expected, OneThatIsGoneAndDidNotWaitRanUnseen) {
  const pid_t pid = start();
  take(pid, SIGKILL);
  programs_.expect(pid, monotonic_ns(), {});
  EXPECT_EQ(programs_.unseen(), 1u);
}

TEST_F(Expected, WhoTellsOfItselfBeforeItsEndIsSettledIsSeen) {
  const pid_t pid = start();
  programs_.expect(pid, monotonic_ns(), {});
  take(pid, SIGKILL);
  ASSERT_TRUE(programs_.poll());
  programs_.arrive(pid, monotonic_ns());
  programs_.settle();
  EXPECT_EQ(programs_.killed() + programs_.unseen(), 0u);
}

}  // namespace
}  // namespace leakgate::capture

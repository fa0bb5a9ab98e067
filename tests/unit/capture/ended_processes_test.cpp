// SPDX-License-Identifier: Apache-2.0
// How processes are seen to end without probes: with descriptors, and where none is to be had.
#include "harness/capture/preload/ended_processes.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

namespace leakgate::capture {
namespace {

/// A child that waits to be killed.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ != 0) return;
    for (;;)
      ::pause();
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

std::vector<std::uint32_t> ended_in(EndedProcesses& processes) {
  std::vector<std::uint32_t> images;
  processes.poll([&](std::uint32_t image, std::int32_t, int) { images.push_back(image); });
  return images;
}

class Ended : public testing::Test {
 protected:
  Ended() : events_(::epoll_create1(EPOLL_CLOEXEC)), processes_(events_.get()) {}
  Descriptor events_;
  EndedProcesses processes_;
  Child child_;
};

TEST_F(Ended, IsSeenOnce) {
  processes_.add(child_.pid(), 7);
  EXPECT_TRUE(ended_in(processes_).empty());
  child_.end();
  EXPECT_EQ(ended_in(processes_), std::vector<std::uint32_t>{7});
  EXPECT_TRUE(ended_in(processes_).empty());
}

TEST_F(Ended, WithoutADescriptorAProcessThatRunsHasNotEnded) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  processes_.add(child_.pid(), 7);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(ended_in(processes_).empty());
  child_.end();
  EXPECT_EQ(ended_in(processes_), std::vector<std::uint32_t>{7});
}

TEST_F(Ended, StatusIsWhatWasToldWhereTheKernelSaysNothing) {
  const pid_t pid = child_.pid();
  child_.end();
  EXPECT_EQ(exit_status_of(pid, -1, 3), 3u << 8);
  EXPECT_EQ(exit_status_of(pid, -1, -1), std::nullopt) << "killed or not: nobody knows";
}

/// Neither a zombie nor gone: as one that is just being reaped. The kernel keeps a status from 6.15 on.
TEST_F(Ended, StatusIsAwaitedWhileAProcessIsBeingReaped) {
  const pid_t pid = child_.pid();
  const Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ASSERT_TRUE(pidfd);
  std::thread reaper([&] {
    ::usleep(5000);
    child_.end();
  });
  const auto status = exit_status_of(pid, pidfd.get(), -1);
  reaper.join();
  if (exit_status_of(pid, pidfd.get(), -1)) {
    EXPECT_EQ(status, std::uint32_t{SIGKILL});
  } else {
    EXPECT_EQ(status, std::nullopt);
  }
}

}  // namespace
}  // namespace leakgate::capture

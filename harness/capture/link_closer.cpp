// SPDX-License-Identifier: Apache-2.0
// The last descriptor of a link is closed by threads, or by the exit of a child. See docs/decisions/0013.
#include "harness/capture/link_closer.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

#include "harness/base/close_descriptors.h"
#include "harness/base/descriptor.h"

namespace leakgate::capture {
namespace {

constexpr int kCloserMs = 5000;  ///< some grace periods, on a machine with much else to do

/// Closes every descriptor but those in `kept` (ascending); system calls alone, as after a fork.
void close_all_but(const std::vector<int>& kept) {
  unsigned next = 0;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next) close_descriptors(next, number - 1);
    next = number + 1;
  }
  close_descriptors(next, ~0u);
}

/// Calls `close_one` for each of `links` in threads of their own, so that all wait for the same grace
/// periods.
template <typename Link, typename Close>
void close_side_by_side(const std::vector<Link>& links, Close close_one) {
  std::vector<std::thread> threads;
  for (const Link& link : links) {
    try {
      threads.emplace_back([&] { close_one(link); });
    } catch (const std::system_error&) {
      close_one(link);  // no thread to be had
    }
  }
  for (std::thread& thread : threads)
    thread.join();
}

/// The child: lets go of everything of leakgate's but the links, waits until leakgate has closed its own, and
/// closes the last ones.
[[noreturn]] void hold_links(const std::vector<int>& kept, int parent_end) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);  // Ctrl-C is not for this process
  close_all_but(kept);
  char byte;
  while (::read(parent_end, &byte, 1) < 0 && errno == EINTR) {
  }
  close_side_by_side(kept, [](int fd) { ::close(fd); });
  ::_exit(0);
}

}  // namespace

void close_and_wait(std::vector<bpf_link*>& links) {
  close_side_by_side(links, [](bpf_link* link) { bpf_link__destroy(link); });
  links.clear();
}

pid_t close_behind(std::vector<bpf_link*>& links) {
  int ends[2];
  if (links.empty()) return -1;
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    close_and_wait(links);
    return -1;
  }
  std::vector<int> kept{ends[0]};
  for (const bpf_link* link : links)
    kept.push_back(bpf_link__fd(link));
  std::sort(kept.begin(), kept.end());
  const pid_t child = ::fork();
  if (child == 0) hold_links(kept, ends[0]);
  ::close(ends[0]);
  if (child < 0) {
    close_and_wait(links);
  } else {
    for (bpf_link* link : links)
      bpf_link__destroy(link);
    links.clear();
  }
  ::close(ends[1]);
  return child;
}

void wait_for_closer(pid_t closer) {
  // What a process owns is given back before its end can be waited for.
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, closer, 0)));
  pollfd ended{process.get(), POLLIN, 0};
  if (process && ::poll(&ended, 1, kCloserMs) == 1) ::waitpid(closer, nullptr, WNOHANG);
}

}  // namespace leakgate::capture

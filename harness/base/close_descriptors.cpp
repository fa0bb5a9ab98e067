// SPDX-License-Identifier: Apache-2.0
// An open end of a socket keeps who reads from the other one waiting: it does not do to leave any.
#include "harness/base/close_descriptors.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace leakgate {
namespace {

/// What leakgate opens has low numbers; more are not tried one by one.
constexpr rlim_t kMostTried = 65'536;

template <typename Each>
void for_each(unsigned first, unsigned last, unsigned flags, Each each) {
  if (::syscall(SYS_close_range, first, last, flags) == 0) return;
  rlimit files{};
  const rlim_t end = ::getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : kMostTried;
  for (rlim_t fd = first; fd < std::min(end, kMostTried) && fd <= last; ++fd)
    each(static_cast<int>(fd));
}

}  // namespace

void close_descriptors(unsigned first, unsigned last) {
  for_each(first, last, 0, [](int fd) { ::close(fd); });
}

void close_descriptors_on_exec(unsigned first, unsigned last) {
  for_each(first, last, CLOSE_RANGE_CLOEXEC, [](int fd) { ::fcntl(fd, F_SETFD, FD_CLOEXEC); });
}

}  // namespace leakgate

// SPDX-License-Identifier: Apache-2.0
// EndedProcesses: tells when traced processes end, and how, without being their parent. In: pids. Out: a
// descriptor to poll, and the ends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "harness/base/descriptor.h"
#include "harness/base/result.h"

namespace leakgate::capture {

class EndedProcesses {
 public:
  /// `events`: an epoll descriptor, the caller's, that becomes readable when one has ended.
  explicit EndedProcesses(int events) : events_(events) {}

  /// Image `index` lives in process `pid` from now on; one that lived there before is replaced by it. The
  /// image before, if there was one.
  std::uint32_t add(std::int32_t pid, std::uint32_t index);
  /// The image that lives in `pid`, or lived there last; kNoImage: none.
  [[nodiscard]] std::uint32_t image_in(std::int32_t pid) const;
  /// The image that lives in `pid` now.
  [[nodiscard]] bool is_alive(std::int32_t pid) const { return watched_.contains(pid); }
  /// Calls `ended` with the image and the pid of each process that has ended, once.
  void poll(const std::function<void(std::uint32_t index, std::int32_t pid, int pidfd)>& ended);

  static constexpr std::uint32_t kNoImage = ~0u;

 private:
  struct Watched {
    std::uint32_t index = 0;
    Descriptor pidfd;  ///< none: it had ended before it could be opened, or no descriptor was to be had
  };
  int events_;
  std::map<std::int32_t, Watched> watched_;
  std::map<std::int32_t, std::uint32_t> last_;
};

/// How a process ended, as wait() gives it: what the kernel tells, else what it told _exit (-1: nothing).
/// Nothing where neither says.
std::optional<std::uint32_t> exit_status_of(std::int32_t pid, int pidfd, std::int32_t told);

/// Whether a thread, or a process by its main thread, lives; a zombie has ended.
bool is_there(std::int32_t tid);

}  // namespace leakgate::capture

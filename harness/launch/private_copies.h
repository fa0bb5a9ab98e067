// SPDX-License-Identifier: Apache-2.0
// Private copies: the child gets a mount namespace of its own in which a copy of an object (libc.so.6, ld.so,
// a static executable) stands in place of the real file. Uprobes belong to an inode, so probes on the copy
// are met by the target's tree alone. Nothing is visible outside, nothing needs cleaning up: mounts and
// copies go with the namespace's last process.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::launch {

/// An object to be replaced, by any of its paths; symbolic links are followed.
struct PrivateCopy {
  std::string path;
};

inline constexpr std::size_t kMaxPrivateCopies = 64;
inline constexpr std::size_t kMaxPrivateCopyBytes = std::size_t{1} << 30;  ///< of one object

/// The requests, resolved. One content per inode; one mount per real path, since hard links of a file are not
/// covered by each other's mounts.
struct PrivateCopyPlan {
  struct Mount {
    std::string path;     ///< the file's real path
    std::string name;     ///< of the copy inside the temporary file system
    std::size_t content;  ///< index of the copy; in ascending order, with further mounts of one content
                          ///< behind its first
  };
  std::vector<Mount> mounts;
  std::vector<std::size_t> mount_of_request;  ///< by index of the request
  std::size_t contents = 0;
  std::vector<std::string> stages;  ///< directories to put the temporary file system on for a moment
};

/// Resolves the requests. Fails (target) on a path that is no regular file, on a set-user-id file, and on too
/// many.
Result<PrivateCopyPlan> plan_private_copies(const std::vector<PrivateCopy>& requests);

/// The step at which installing failed; 0 is success. Goes through a pipe as a number.
enum class CopyStep : int {
  none,
  unshare,
  make_slave,
  open_source,
  mount_tmpfs,
  copy,
  clone_mount,
  make_read_only,
  detach_tmpfs,
  replace
};

struct CopyOutcome {
  CopyStep step = CopyStep::none;
  int code = 0;                                      ///< errno
  std::size_t mount = 0;                             ///< index of the mount at which it failed
  std::array<int, kMaxPrivateCopies> descriptors{};  ///< by content: the copy, open for reading
};

/// Carries the plan out in the calling process, which must be single-threaded, and able to mount.
/// Async-signal-safe. On failure the process is left in a half-made namespace and must end.
CopyOutcome install_private_copies(const PrivateCopyPlan& plan);

/// A sentence on why there are no private copies.
std::string explain_copy_failure(const PrivateCopyPlan& plan, CopyStep step, std::size_t mount, int code);

}  // namespace leakgate::launch

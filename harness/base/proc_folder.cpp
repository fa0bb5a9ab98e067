// SPDX-License-Identifier: Apache-2.0
// Asks the link "self" who reads it; see proc_folder.h.
#include "harness/base/proc_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

namespace leakgate {

Status check_proc_folder(const std::string& folder) {
  std::array<char, 32> number{};
  const auto length = ::readlink((folder + "/self").c_str(), number.data(), number.size());
  const std::string hint = fmt::format("mount -t proc proc {}", folder);
  if (length < 0)
    return Error{ErrorKind::unsupported,
                 fmt::format("{} is not mounted, and without it no process can be examined", folder), hint,
                 0};
  if (std::string(number.data(), static_cast<std::size_t>(length)) != std::to_string(::getpid()))
    return Error{ErrorKind::unsupported,
                 fmt::format("{} is that of another pid namespace, so it tells of other processes", folder),
                 hint + ", in a mount namespace of this one's own (unshare --mount-proc)", 0};
  return {};
}

}  // namespace leakgate

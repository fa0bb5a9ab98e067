// SPDX-License-Identifier: Apache-2.0
// CallerState: what leakgate was started with, taken before leakgate changes anything of its own, so that the
// target can be given exactly that. In: the calling process. Out: a plain struct; nothing is changed.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leakgate::launch {

struct CallerState {
  std::vector<std::string> environment;  ///< NAME=VALUE in the caller's order, odd entries included
  sigset_t signal_mask{};
  sigset_t ignored_signals{};  ///< dispositions that were SIG_IGN; the others become SIG_DFL at exec anyway
  mode_t file_mode_mask = 022;
  std::array<rlimit, RLIM_NLIMITS> limits{};
  std::vector<int> descriptors;  ///< open and not close-on-exec, ascending: what an exec would have passed on
  uid_t real_uid = 0;
  uid_t effective_uid = 0;
  gid_t real_gid = 0;
  gid_t effective_gid = 0;
  std::uint64_t ambient_capabilities = 0;  ///< bit n is capability n

  /// Takes the state of the calling process. Call it first thing in main, before threads exist and before any
  /// signal, limit or descriptor of leakgate's own. Where a fact cannot be had (no /proc) the nearest safe
  /// value is taken.
  static CallerState capture();

  /// The value of an environment variable; nothing if it is not set.
  [[nodiscard]] std::optional<std::string_view> variable(std::string_view name) const;
};

}  // namespace leakgate::launch

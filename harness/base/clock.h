// SPDX-License-Identifier: Apache-2.0
// The clock of all that is recorded: the kernel side and the preloaded library stamp with the same one.
#pragma once

#include <time.h>

#include <cstdint>

namespace leakgate {

/// CLOCK_MONOTONIC.
[[nodiscard]] inline std::uint64_t monotonic_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace leakgate

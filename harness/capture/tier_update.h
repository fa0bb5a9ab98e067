// SPDX-License-Identifier: Apache-2.0
// Tiers of a table that user space has already, shown to the kernel side.
#pragma once

#include <cstdint>
#include <future>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::capture {

struct TierUpdate {
  int outer = -1;                   ///< the map of tiers
  std::vector<std::uint32_t> keys;  ///< numbers of the tiers; none: there are as many as there can be
  std::vector<int> descriptors;     ///< of their arrays, which must stay open
  const char* table = "";           ///< for an error's text
  std::uint32_t tiers = 0;          ///< how many there are with these
  std::uint32_t* count = nullptr;   ///< where the kernel side is told of that

  /// Waits for a grace period of the kernel's (once for all of them), and so for every probe that is under
  /// way.
  [[nodiscard]] Status enter() const;
};

/// Enters updates in a thread: a process that dies holds up the grace period until its memory was read, which
/// is for our other threads to do.
class TierThread {
 public:
  TierThread() = default;
  TierThread(const TierThread&) = delete;
  TierThread& operator=(const TierThread&) = delete;
  /// Waits until all is entered.
  ~TierThread();

  /// Starts to enter them, once those of before are. What it returns is how that went.
  Status start(std::vector<TierUpdate> updates);

 private:
  std::future<Status> under_way_;
};

}  // namespace leakgate::capture

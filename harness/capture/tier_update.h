// SPDX-License-Identifier: Apache-2.0
// TierUpdate: tiers of a table that user space has already, to be shown to the kernel side.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/base/result.h"

namespace leakgate::capture {

struct TierUpdate {
  int outer = -1;                   ///< the map of tiers
  std::vector<std::uint32_t> keys;  ///< numbers of the tiers; none: there are as many as there can be
  std::vector<int> descriptors;     ///< of their arrays, which must stay open
  const char* table = "";           ///< for an error's text

  /// Waits for a grace period of the kernel's (once for all of them), and so for every probe that is under
  /// way.
  [[nodiscard]] Status enter() const;
};

}  // namespace leakgate::capture

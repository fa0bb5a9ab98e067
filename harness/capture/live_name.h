// SPDX-License-Identifier: Apache-2.0
// What the names of blocks in a ledger say, which both backends write alike (bpf/wire.h, LG_LIVE_LEFT).
#pragma once

#include <cstdint>

#include "bpf/wire.h"

namespace leakgate::capture {

/// The address, and the process, that a name with a process tells.
inline lg_live_key live_key(std::uint64_t name) {
  const std::uint64_t gone = name & LG_LIVE_LEFT ? name & LG_LIVE_GONE : 0;
  return {(name & LG_LIVE_ADDR_MASK) - gone, static_cast<std::uint32_t>(name >> LG_LIVE_PROC_SHIFT),
          static_cast<std::uint32_t>(gone)};
}

}  // namespace leakgate::capture

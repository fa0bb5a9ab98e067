// SPDX-License-Identifier: Apache-2.0
// Waiting for leakgate, which may be gone. By the clock alone that is not to be told: of a job that was
// stopped, or whose machine was, the command may be the first to run again.
#include "adapters/preload/state.h"

namespace leakgate::preload {

bool still_beats() {
  constexpr u64 kNapNs = 25'000'000;
  constexpr u32 kNaps = 24;  // three beats
  u64& beat = g.header->beat_ns;
  const u64 last = load(beat);
  if (load(g.last_beat) == last) return false;  // was waited for before
  void* const low_half = &beat;
  for (u32 nap = 0; nap < kNaps && load(beat) == last; ++nap) {
    if (load(g.header->ended)) return false;
    futex_wait(*static_cast<u32*>(low_half), static_cast<u32>(last), kNapNs);
  }
  if (load(beat) != last) return true;
  store(g.last_beat, last);
  return false;
}

bool Patience::is_over() {
  constexpr u64 kMostAtOnce = 250'000'000;
  const u64 now = monotonic_ns(), passed = now - looked_;
  const u64 counted = passed < kMostAtOnce ? passed : kMostAtOnce;
  looked_ = now;
  left_ = left_ > counted ? left_ - counted : 0;
  return !left_;
}

}  // namespace leakgate::preload

// SPDX-License-Identifier: Apache-2.0
// Steps from one frame of the stack to the next by .eh_frame rows: the walker of bpf/unwind.bpf.h, in the
// process. What rows mean is in bpf/wire.h.
#pragma once

#include "adapters/preload/known_stacks.h"

namespace leakgate::preload {

enum { kWindowBytes = 1024 };

/// Where a walk stands.
struct Step {
  u64 pc;
  u64 sp;
  u64 bp;
  u64 bp_at;  ///< where bp was read; 0: as in the frame before
  u64 low;    ///< memory in [low, high) is there
  u64 high;
  u32 generation;
  u16 truncated;
  bool exact;     ///< pc is not a return address
  bool loose;     ///< pc or sp were read elsewhere than just below sp
  bool uses_bp;   ///< the last step read bp
  bool unkept;    ///< the end was decided by more than the kept frames tell
  u64 window_at;  ///< memory read by way of the kernel: where it stands
  u64 window_bytes;
  u64 window[kWindowBytes / 8];
};

/// The word at `address`; false where there is no memory.
inline bool read_word(Step& step, u64 address, u64& value) {
  if (LG_LIKELY(address >= step.low && address + 8 <= step.high && address + 8 > address)) {
    value = *reinterpret_cast<const u64*>(address);
    return true;
  }
  if (address < step.window_at || address - step.window_at + 8 > step.window_bytes) {
    step.window_at = address;
    step.window_bytes = read_memory(step.window, address, kWindowBytes);
    if (step.window_bytes < 8) return false;
  }
  copy_bytes(&value, reinterpret_cast<const u8*>(step.window) + (address - step.window_at), 8);
  return true;
}

/// What a frame's address is, and how to step out of it.
void look_up(Step& step, PcEntry& entry);
/// Steps out of the frame that `entry` describes. False: the stack ends here, with the reason in `step`.
bool step_out(Step& step, const PcEntry& entry);
/// True when a signal frame stands between the call that is entered with these registers and the one at
/// `limit`.
bool in_signal_handler(u64 sp, u64 bp, const Thread& thread, u64 limit);
/// A walk that starts at the call entered with these registers.
void begin_walk(Step& step, u64 sp, u64 bp, const Thread& thread);

}  // namespace leakgate::preload

// SPDX-License-Identifier: Apache-2.0
// What the program does to its stacks, where walks have to know: calls of the C library's, interposed.
#include "adapters/preload/real.h"

namespace leakgate::preload {

/// Where a thread has its signal stack only the kernel knows, who does not say.
extern "C" __attribute__((visibility("default"))) int sigaltstack(const void* stack, void* old) {
  constexpr u32 kDisable = 2;
  struct SignalStack {
    u64 start;
    u32 flags;
  };
  if (!find_real() || !real.sigaltstack) return -1;
  const int result = real.sigaltstack(stack, old);
  if (result == 0 && stack && current_thread()) {
    const auto& given = *static_cast<const SignalStack*>(stack);
    own_thread->signal_stack = given.flags & kDisable ? 0 : given.start;
  }
  return result;
}

/// A walk reads its thread's own stack without asking whether it is there.
extern "C" __attribute__((visibility("default"))) int mprotect(void* start, u64 bytes, int rights) {
  constexpr int kReadable = 3;  // what can be written can be read, too
  if (!find_real() || !real.mprotect)
    return system_call(SYS_mprotect, word(start), static_cast<long>(bytes), rights) == 0 ? 0 : -1;
  if (!(rights & kReadable) && current_thread())
    keep_walks_above(static_cast<u64>(word(start)), static_cast<u64>(word(start)) + bytes);
  return real.mprotect(start, bytes, rights);
}

}  // namespace leakgate::preload

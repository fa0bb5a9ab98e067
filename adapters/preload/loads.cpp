// SPDX-License-Identifier: Apache-2.0
// Libraries that are loaded so that they do not see this one: what they allocate and free goes past it, and
// that is told.
#include "adapters/preload/real.h"

namespace leakgate::preload {
namespace {

constexpr int kNoLoad = 4, kDeepBind = 8;  // RTLD_NOLOAD, RTLD_DEEPBIND

void note_if_past_us(const char* file, bool apart, int flags) {
  if (!find_real() || !file || flags & kNoLoad || !(apart || flags & kDeepBind) || !current_thread()) return;
  __atomic_fetch_add(&g.header->loaded_apart, 1, __ATOMIC_RELAXED);
}

}  // namespace

extern "C" {

void lg_before_load(const char* file, int flags) {
  note_if_past_us(file, false, flags);
}

/// Namespace 0 is the one that the program started in.
void lg_before_load_apart(long space, const char* file, int flags) {
  note_if_past_us(file, space != 0, flags);
}

}  // extern "C"

}  // namespace leakgate::preload

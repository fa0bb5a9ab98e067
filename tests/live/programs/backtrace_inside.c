// SPDX-License-Identifier: Apache-2.0
// Calls backtrace() from a function at depth 40: it must see the whole stack, probes or no probes.
// truth: 1 block, 210 bytes; prints "frames ok"
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

static LIVE_NOINLINE int descend(int depth) {
  if (depth > 0) {
    const int frames = descend(depth - 1);
    live_keep(&depth);
    return frames;
  }
  void* addresses[128];
  free(malloc(16));
  return backtrace(addresses, 128);
}

int main(void) {
  live_keep(malloc(210));
  const int frames = descend(39);
  puts(frames >= 41 && frames < 60 ? "frames ok" : "frames lost");
  return 0;
}

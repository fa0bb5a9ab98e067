// SPDX-License-Identifier: Apache-2.0
// One of the two plug-ins of same_range: NUMBER is 1 or 2, and the function has the same size in both.
#include <stdlib.h>

#include "common.h"

#if NUMBER == 1
#define LEAK_IN leak_of_first_plugin
#else
#define LEAK_IN leak_of_other_plugin
#endif

LIVE_NOINLINE static void LEAK_IN(void) {
  live_keep(malloc(329 + NUMBER));
}

void same_range_leak(void);
LIVE_NOINLINE void same_range_leak(void) {
  LEAK_IN();
  __asm__ volatile("" : : : "memory");
}

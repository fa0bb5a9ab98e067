// SPDX-License-Identifier: Apache-2.0
// Leaves three blocks at one place, each at least 70 ms younger than the one before.
// truth: 3 blocks, 240 bytes
#include <stdlib.h>
#include <time.h>

#include "common.h"

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(void) {
  long at_ms = now_ms();
  for (int i = 0; i < 3; ++i) {
    while (now_ms() < at_ms + 70 * i) {
    }
    live_keep(malloc(80));
  }
  return 0;
}

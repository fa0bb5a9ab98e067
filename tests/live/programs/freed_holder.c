// SPDX-License-Identifier: Apache-2.0
// A block that only freed memory leads to. truth: 1 block, 100 bytes, definitely lost
#include <stdlib.h>

#include "common.h"

enum { kWords = 64 };

static LIVE_NOINLINE void lose(void) {
  void** const holder = malloc(kWords * sizeof(void*));
  if (holder == NULL) return;
  for (int i = 0; i < kWords; ++i)
    holder[i] = NULL;
  holder[kWords / 2] = malloc(100);
  live_keep(holder);
  free(holder);
}

int main(void) {
  lose();
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The canary: loses one block, frees another, ends. Runs in the target's namespace with the C library that
// the target gets, so its allocations meet the very probes that the target's meet.
#include <stdlib.h>

#include "harness/base/canary_blocks.h"

static __attribute__((noinline)) void use_blocks(void) {
  // never two at a time: --max-live-blocks 1 leaves room for one
  char* volatile freed = malloc(LEAKGATE_CANARY_FREED_BYTES);
  free(freed);
  freed = NULL;
  char* volatile lost = malloc(LEAKGATE_CANARY_LOST_BYTES);
  if (lost != NULL) lost[0] = 1;
  lost = NULL;
}

int main(void) {
  use_blocks();
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The C family as every C library has it: dropped once, given back many times. For musl, and for static
// programs.
// truth: 6 blocks: malloc 77, calloc 3*7, realloc 10->50, aligned_alloc 128, posix_memalign 88, reallocarray 5*13
#include <stdlib.h>

#include "common.h"

LIVE_NOINLINE static void drop(void) {
  live_keep(malloc(77));
  live_keep(calloc(3, 7));
  void* grown = malloc(10);
  grown = realloc(grown, 50);
  live_keep(grown);
  live_keep(aligned_alloc(64, 128));
  void* aligned = NULL;
  if (posix_memalign(&aligned, 64, 88) != 0) abort();
  live_keep(aligned);
  live_keep(reallocarray(NULL, 5, 13));
}

int main(void) {
  for (int round = 0; round < 1000; ++round) {
    free(malloc(40));
    free(calloc(2, 9));
    free(realloc(malloc(11), 60));
    free(aligned_alloc(32, 64));
  }
  drop();
  return 0;
}

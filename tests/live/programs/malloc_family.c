// SPDX-License-Identifier: Apache-2.0
// Calls every function of the glibc malloc family and drops one block of each.
// truth: 11 blocks, 5461 bytes: malloc 11, calloc 3*7, realloc 33 and 44->55, reallocarray 5*13 and 8*8->598*8,
// truth: aligned_alloc 128, posix_memalign 77, memalign 88, valloc 99, pvalloc 100 (as asked for; it serves a page)
#include <malloc.h>
#include <stdlib.h>

#include "common.h"

int main(void) {
  live_keep(malloc(11));
  live_keep(calloc(3, 7));
  live_keep(realloc(NULL, 33));
  void* grown = malloc(44);
  grown = realloc(grown, 55);
  live_keep(grown);
  live_keep(reallocarray(NULL, 5, 13));
  live_keep(aligned_alloc(64, 128));
  void* aligned = NULL;
  if (posix_memalign(&aligned, 32, 77) != 0) return 1;
  live_keep(aligned);
  live_keep(memalign(16, 88));
  live_keep(valloc(99));
  live_keep(pvalloc(100));
  void* table = reallocarray(NULL, 8, 8);
  table = reallocarray(table, 598, 8);
  live_keep(table);
  // Each function once more, given back: 11 allocations that must not be counted.
  free(malloc(12));
  free(calloc(2, 5));
  free(realloc(NULL, 34));
  free(realloc(malloc(45), 56));
  free(reallocarray(NULL, 6, 13));
  free(aligned_alloc(64, 192));
  if (posix_memalign(&aligned, 64, 78) != 0) return 1;
  free(aligned);
  free(memalign(32, 89));
  free(valloc(101));
  free(pvalloc(102));
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// N malloc and free pairs (default 1000000) of 64 bytes, to measure what a pair costs; prints nanoseconds
// per pair.
// truth: nothing
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common.h"

int main(int argc, char** argv) {
  const long pairs = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
  if (pairs <= 0) return 1;
  struct timespec begin;
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long pair = 0; pair < pairs; ++pair) {
    void* block = malloc(64);
    live_keep(block);
    free(block);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  const double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
  printf("%.1f\n", ns / (double)pairs);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Waits until a file appears, allocating all the while, for a debugger to look at.
// truth: 1 block, 250 bytes; at most 30 s
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

LIVE_NOINLINE static void allocates(void) {
  void* block = malloc(24);
  live_keep(block);
  free(block);
}

int main(int argc, char** argv) {
  if (argc < 2) return 1;
  live_keep(malloc(250));
  printf("ready %d\n", (int)getpid());
  fflush(stdout);
  for (int round = 0; round < 3000 && access(argv[1], F_OK) != 0; ++round) {
    allocates();
    usleep(10000);
  }
  puts("done");
  return 5;
}

// SPDX-License-Identifier: Apache-2.0
// Says "ready", waits until the file GO exists, and then has 160,000 live blocks at once, from 65,536
// different call stacks, which it frees: for tests in which tables must grow at a moment of their choosing.
//   live_grows_on_go GO
// truth: nothing; 160001 allocations, 160001 frees
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum { LEVELS = 16, BLOCKS = 160000 };

static LIVE_NOINLINE void* descend(int levels, unsigned way) {
  void* block = NULL;
  if (levels == 0) return malloc(16);
  if (way & 1) {
    block = descend(levels - 1, way >> 1);
    live_keep(&levels);
  } else {
    block = descend(levels - 1, way >> 1);
    live_keep(&way);
  }
  return block;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  void** blocks = malloc(BLOCKS * sizeof *blocks);
  if (blocks == NULL || write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
  const struct timespec moment = {0, 5000000};
  while (access(argv[1], F_OK) != 0) {
    nanosleep(&moment, NULL);
  }
  for (unsigned i = 0; i < BLOCKS; ++i) {
    blocks[i] = descend(LEVELS, i);
  }
  for (unsigned i = 0; i < BLOCKS; ++i) {
    free(blocks[i]);
  }
  free(blocks);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Allocates and frees from 8192 different call stacks: every way down a tree with two call sites per level.
// truth: nothing; 8192 allocations, 8192 frees; with an argument N the exit status is N
#include <stdlib.h>

#include "common.h"

static LIVE_NOINLINE void descend(int levels, unsigned way) {
  if (levels == 0) {
    void* block = malloc(16);
    live_keep(block);
    free(block);
    return;
  }
  if (way & 1) {
    descend(levels - 1, way >> 1);
    live_keep(&levels);
  } else {
    descend(levels - 1, way >> 1);
    live_keep(&way);
  }
}

int main(int argc, char** argv) {
  for (unsigned way = 0; way < 8192; ++way) {
    descend(13, way);
  }
  return argc > 1 ? atoi(argv[1]) : 0;
}

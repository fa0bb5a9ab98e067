// SPDX-License-Identifier: Apache-2.0
// A malloc of the program's own that calls itself on a fresh stack each time, as deep as the argument says:
// more calls open at once in one thread, on different stacks, than are tracked.
// truth: with depth 3 one block of each size 100 + depth; deeper than 4: the run is incomplete
#include <stdlib.h>
#include <ucontext.h>

#include "common.h"

static _Alignas(16) char area[1 << 20];
static size_t used;
static int levels;
static ucontext_t outer[16], inner[16];
static _Alignas(16) char stacks[16][1 << 20];

LIVE_NOINLINE void* malloc(size_t size);

static void go_on(void) {
  live_keep(malloc(100 + (size_t)levels));
}

LIVE_NOINLINE void* malloc(size_t size) {
  char* block = area + used;
  used += (size + 15) & ~(size_t)15;
  if (levels > 0) {
    const int level = --levels;
    getcontext(&inner[level]);
    inner[level].uc_stack.ss_sp = stacks[level];
    inner[level].uc_stack.ss_size = sizeof stacks[level];
    inner[level].uc_link = &outer[level];
    makecontext(&inner[level], go_on, 0);
    swapcontext(&outer[level], &inner[level]);
  }
  return block;
}

LIVE_NOINLINE void free(void* block) {
  live_keep(block);
}

int main(int argc, char** argv) {
  levels = argc > 1 ? atoi(argv[1]) : 0;
  live_keep(malloc(100 + (size_t)levels));
  return 0;
}

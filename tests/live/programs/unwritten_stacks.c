// SPDX-License-Identifier: Apache-2.0
// Coroutines on stacks in memory of the program's own: in a block, in a mapping, in its data. Each loses a
// block, and what its allocation left on the stack stays there.
// truth: 3 blocks, 456 bytes, to which nothing points
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "common.h"

enum { BYTES = 64 << 10 };

static ucontext_t home, coroutine;
static char data[BYTES] __attribute__((aligned(16)));
static void* stacks[3];

static LIVE_NOINLINE void lose(void) {
  live_keep(memset(malloc(152), 0, 152));
}

static LIVE_NOINLINE void clear(void) {
  char written[1024];
  live_keep(memset(written, 0, sizeof written));
}

/// Overwrites the frames of malloc itself, but not the words that a return probe writes.
static LIVE_NOINLINE void cover(void) {
  char unwritten[96];
  live_keep(unwritten);
  clear();
  live_keep(unwritten);
}

static void run(void) {
  lose();
  cover();
}

static void run_on(void* stack) {
  getcontext(&coroutine);
  coroutine.uc_stack.ss_sp = stack;
  coroutine.uc_stack.ss_size = BYTES;
  coroutine.uc_link = &home;
  makecontext(&coroutine, run, 0);
  swapcontext(&home, &coroutine);
}

int main(void) {
  stacks[0] = malloc(BYTES);
  stacks[1] = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stacks[1] == MAP_FAILED) return 1;
  stacks[2] = data;
  for (int i = 0; i < 3; ++i)
    run_on(stacks[i]);
  memset(&coroutine, 0, sizeof coroutine);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The process ends below a frame that covers what an allocation left on the stack, and writes nothing of it.
// truth: 1 block, 152 bytes, to which nothing points
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

static LIVE_NOINLINE void lose(void) {
  live_keep(malloc(152));
}

/// Covers the words that a return probe writes, but not the frames of malloc itself.
static LIVE_NOINLINE void end(void) {
  char unwritten[96];
  live_keep(unwritten);
  _exit(0);
}

int main(void) {
  lose();
  // what lies in registers and is not saved counts as in use
  __asm__ volatile("xor %%ebx, %%ebx" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
  end();
}

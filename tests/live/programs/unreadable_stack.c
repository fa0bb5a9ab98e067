// SPDX-License-Identifier: Apache-2.0
// Takes away the rights of a page of its own stack, with a caller's frame in it, and allocates further in:
// what a walk needs cannot be read. Before that, from the same place, and after it again.
// truth: nine blocks of 100 bytes, in three places; of three blocks the outer frames cannot be read
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common.h"

enum { kPage = 4096, kGap = 16 * kPage };

LIVE_NOINLINE static void lose_three(void) {
  for (int i = 0; i < 3; ++i)
    live_keep(malloc(100));
}

LIVE_NOINLINE static void lose_with(char* page, int rights) {
  char gap[kGap];
  memset(gap, 0, sizeof gap);
  live_keep(gap);
  if (mprotect(page, kPage, rights) != 0) abort();
  lose_three();
  if (mprotect(page, kPage, PROT_READ | PROT_WRITE) != 0) abort();
}

LIVE_NOINLINE static int run(void) {
  char mark = 1;
  char* const page = (char*)((uintptr_t)&mark & ~(uintptr_t)(kPage - 1));
  lose_with(page, PROT_READ | PROT_WRITE);
  lose_with(page, PROT_NONE);
  lose_with(page, PROT_READ | PROT_WRITE);
  return mark == 1 ? 23 : 1;
}

/// Has the frame of run() in the middle of a page: its callee's return address is in the same then.
int main(void) {
  char here = 0;
  const uintptr_t in_page = (uintptr_t)&here % kPage;
  char* const room = __builtin_alloca((in_page + kPage / 2) % kPage + 16);
  live_keep(room);
  const int status = run();
  live_keep(room);
  return status;
}

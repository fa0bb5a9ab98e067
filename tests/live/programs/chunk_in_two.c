// SPDX-License-Identifier: Apache-2.0
// A large block of malloc's, a mapping of its own that the kernel may have joined with another one's, of
// which one page is locked in memory: from there on it is another mapping.
// truth: 1 block of 1 MiB, definitely lost, and 1 of 152 bytes, to which it leads
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common.h"

enum { kBytes = 1 << 20, kPage = 4096 };

static LIVE_NOINLINE void make(void) {
  char* const large = malloc(kBytes);
  char* const page = (char*)(((uintptr_t)large + kBytes / 2) & ~(uintptr_t)(kPage - 1));
  void* const small = malloc(152);
  memcpy(page + 2 * kPage, &small, sizeof small);
  (void)madvise(page, kPage, MADV_DONTDUMP);
}

static LIVE_NOINLINE void overwrite(void) {
  char stack[8192];
  memset(stack, 0, sizeof stack);
  live_keep(stack);
}

int main(void) {
  make();
  overwrite();
  return 0;
}

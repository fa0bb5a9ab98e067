// SPDX-License-Identifier: Apache-2.0
// An executable whose malloc wraps the C library's, found by dlsym, with a header in front of each block.
// Both are probed; a call counts once, for the outer one, with the size the caller asked for.
// truth: 2 blocks: malloc 91, calloc 4*8
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

enum { HEADER = 32 };

static void* (*next_malloc)(size_t);
static void (*next_free)(void*);
static char early[8192];
static size_t early_used;
static int looking;

static void* early_block(size_t size) {
  void* block = early + early_used;
  early_used += (size + 15) & ~(size_t)15;
  return block;
}

LIVE_NOINLINE void* malloc(size_t size) {
  if (!next_malloc) {
    if (looking) return early_block(size);
    looking = 1;
    *(void**)&next_malloc = dlsym(RTLD_NEXT, "malloc");
    *(void**)&next_free = dlsym(RTLD_NEXT, "free");
    looking = 0;
  }
  char* block = next_malloc(size + HEADER);
  return block ? block + HEADER : NULL;
}

LIVE_NOINLINE void free(void* block) {
  if (!block || ((char*)block >= early && (char*)block < early + sizeof early)) return;
  next_free((char*)block - HEADER);
}

LIVE_NOINLINE void* calloc(size_t count, size_t size) {
  void* block = malloc(count * size);
  if (block) memset(block, 0, count * size);
  return block;
}

int main(void) {
  for (int round = 0; round < 1000; ++round) {
    void* block = malloc(50);
    live_keep(block);
    free(block);
  }
  live_keep(malloc(91));
  live_keep(calloc(4, 8));
  return 0;
}

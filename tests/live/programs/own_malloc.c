// SPDX-License-Identifier: Apache-2.0
// An executable with a malloc of its own that calls into nothing: blocks come from an array and are never
// used twice. What the C library allocates goes through it too.
// truth: 3 blocks: malloc 90, calloc 4*8, realloc 10->100
#include <stdlib.h>
#include <string.h>

#include "common.h"

static _Alignas(16) char area[1 << 20];
static size_t used;

LIVE_NOINLINE void* malloc(size_t size) {
  if (size > sizeof area - used - 32) return NULL;
  char* block = area + used + 16;
  memcpy(block - 16, &size, sizeof size);
  used += 16 + ((size + 15) & ~(size_t)15);
  return block;
}

LIVE_NOINLINE void free(void* block) {
  live_keep(block);
}

LIVE_NOINLINE void* calloc(size_t count, size_t size) {
  return malloc(count * size);
}

LIVE_NOINLINE void* realloc(void* old, size_t size) {
  void* block = malloc(size);
  size_t before = 0;
  if (old) memcpy(&before, (char*)old - 16, sizeof before);
  if (block && old) memcpy(block, old, before < size ? before : size);
  return block;
}

int main(void) {
  for (int round = 0; round < 100; ++round) {
    void* block = malloc(50);
    live_keep(block);
    free(block);
  }
  live_keep(malloc(90));
  live_keep(calloc(4, 8));
  void* grown = malloc(10);
  live_keep(grown);
  live_keep(realloc(grown, 100));
  return 0;
}

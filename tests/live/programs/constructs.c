// SPDX-License-Identifier: Apache-2.0
// An executable with a malloc of its own, which a library's constructor uses before any code of the
// executable's has run.
// truth: 1 block, 555 bytes, of the library's constructor; exit status 0
#include <stdlib.h>
#include <string.h>

#include "common.h"

void constructs_keep(void* block);

static _Alignas(16) char area[1 << 20];
static size_t used;

LIVE_NOINLINE void* malloc(size_t size) {
  const size_t room = (size + 15) & ~(size_t)15;
  if (room < size || room > sizeof area - used) return NULL;
  used += room;
  return area + used - room;
}

LIVE_NOINLINE void free(void* block) {
  if (block && ((char*)block < area || (char*)block >= area + used)) abort();
}

LIVE_NOINLINE void* calloc(size_t count, size_t size) {
  void* const block = malloc(count * size);
  if (block) memset(block, 0, count * size);
  return block;
}

LIVE_NOINLINE void* realloc(void* old, size_t size) {
  void* const block = malloc(size);
  if (block && old) memmove(block, old, size);
  return block;
}

int main(void) {
  constructs_keep(malloc(777));
  return 0;
}

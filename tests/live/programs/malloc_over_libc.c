// SPDX-License-Identifier: Apache-2.0
// An executable whose malloc counts and hands on to the C library's second names; some calls go to those
// directly, as a compiler makes of a call to a free() that does nothing else. Exits with 1 if somebody else
// called its malloc before main.
// truth: 3 blocks: malloc 91, calloc 4*8, __libc_malloc 93
#include <stdlib.h>
#include <string.h>

#include "common.h"

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void* __libc_valloc(size_t size);
void* __libc_pvalloc(size_t size);
void __libc_free(void* block);

static long calls;

LIVE_NOINLINE void* malloc(size_t size) {
  ++calls;
  return __libc_malloc(size);
}
LIVE_NOINLINE void* calloc(size_t count, size_t size) {
  ++calls;
  return __libc_calloc(count, size);
}
LIVE_NOINLINE void* realloc(void* old, size_t size) {
  ++calls;
  return __libc_realloc(old, size);
}
LIVE_NOINLINE void free(void* block) {
  __libc_free(block);
}

static LIVE_NOINLINE void cross(void) {
  __libc_free(malloc(92));
  free(__libc_malloc(94));
  free(__libc_realloc(malloc(95), 500));
  __libc_free(realloc(__libc_calloc(5, 96), 600));
  free(__libc_memalign(64, 97));
  free(__libc_valloc(98));
  free(__libc_pvalloc(99));
}

int main(void) {
  if (calls != 0) return 1;
  cross();
  live_keep(malloc(91));
  live_keep(calloc(4, 8));
  live_keep(__libc_malloc(93));
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// A program with a dlsym of its own that allocates: the preload backend calls it while it looks for the
// allocator, and serves that call from a room of its own. Such a block must behave as any other. Exit status:
// 0; 9 where there is no such block; else the number of the check that failed.
// truth: nothing
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

enum { BYTES = 40 };
static char *early, *other;

__attribute__((visibility("default"))) void* dlsym(void* handle, const char* name) {
  static void* (*real)(void*, const char*);
  static void* libc;
  if (!early) {
    early = malloc(BYTES);
    other = malloc(BYTES);
    memset(early, 'e', BYTES);
    libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    *(void**)&real = dlvsym(libc, "dlsym", "GLIBC_2.2.5");
  }
  return real(handle == RTLD_NEXT ? libc : handle, name);
}

static int has_content(const char* block) {
  for (int i = 0; i < BYTES; ++i)
    if (block[i] != 'e') return 0;
  return 1;
}

int main(void) {
  if (!early) return 9;
  errno = 0;
  // 2^62 * 8 is 2^65, which is 0 in 64 bits; the next is 16
  if (reallocarray(early, live_opaque((size_t)1 << 62), 8) || errno != ENOMEM) return 1;
  if (reallocarray(early, live_opaque(((size_t)1 << 60) + 1), 16)) return 2;
  if (realloc(other, live_opaque(PTRDIFF_MAX))) return 3;
  if (!has_content(early)) return 4;
  char* const moved = reallocarray(early, 2, BYTES);
  if (!moved || moved == early || !has_content(moved)) return 5;
  free(moved);
  free(other);
  return 0;
}

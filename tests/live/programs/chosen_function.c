// SPDX-License-Identifier: Apache-2.0
// An executable whose reallocarray is chosen when it starts: the symbol is that of the choice, not of the
// function. (malloc itself cannot be one: the C library needs it before choices are made.)
// truth: its calls cannot be seen: the run is incomplete
#include <stdlib.h>

#include "common.h"

static _Alignas(16) char area[1 << 20];

LIVE_NOINLINE void* take(void* old, size_t count, size_t size) {
  live_keep(old);
  return count * size < sizeof area ? area : NULL;
}

static void* (*choose(void))(void*, size_t, size_t) {
  return take;
}

void* reallocarray(void* old, size_t count, size_t size) __attribute__((ifunc("choose")));

int main(void) {
  live_keep(reallocarray(NULL, 9, 10));
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Arrays that grow as systemd's do: up to what malloc_usable_size() tells, behind the size that was asked
// for.
// truth: 41 blocks of 152 bytes and one of 153 are reachable; one of 155 is lost; exit status 0
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void** small;
static void** large;

__attribute__((noinline)) static void** grow(void** array, size_t count) {
  if (array != NULL && malloc_usable_size(array) / sizeof *array >= count) return array;
  return realloc(array, count * sizeof *array);
}

__attribute__((noinline)) static void fill(void) {
  for (size_t i = 0; i < 41; ++i) {
    small = grow(small, i + 1);
    small[i] = malloc(152);
  }
  // a mapping of its own: the rest of its last page
  large = grow(NULL, 20000);
  memset(large, 0, 20000 * sizeof *large);
  const size_t last = malloc_usable_size(large) / sizeof *large - 1;
  large = grow(large, last + 1);
  large[last] = malloc(153);
  void* volatile lost = malloc(155);
  lost = NULL;
  (void)lost;
}

int main(void) {
  fill();
  char over[8192];
  memset(over, 0, sizeof over);
  __asm__ volatile("" : : "r"(over) : "memory");
  return malloc_usable_size(small) > 40 * sizeof *small && malloc_usable_size(large) > 20000 * sizeof *large
             ? 0
             : 1;
}

// SPDX-License-Identifier: Apache-2.0
// calloc and reallocarray whose product overflows give NULL; reallocarray leaves the old block alive.
// truth: 1 block, 70 bytes
#include <stdint.h>
#include <stdlib.h>

#include "common.h"

int main(void) {
  if (calloc(live_opaque(SIZE_MAX / 2), live_opaque(4)) != NULL) return 1;
  void* block = malloc(70);
  live_keep(block);
  if (reallocarray(block, live_opaque(SIZE_MAX / 2), live_opaque(4)) != NULL) return 2;
  return 0;
}

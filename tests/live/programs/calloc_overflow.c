// SPDX-License-Identifier: Apache-2.0
// calloc and reallocarray whose product overflows give NULL; reallocarray leaves the old block alive.
// truth: 2 blocks, 70 and 71 bytes: of the second, the product's last 64 bits are 0
#include <stdint.h>
#include <stdlib.h>

#include "common.h"

int main(void) {
  if (calloc(live_opaque(SIZE_MAX / 2), live_opaque(4)) != NULL) return 1;
  void* block = malloc(70);
  live_keep(block);
  if (reallocarray(block, live_opaque(SIZE_MAX / 2), live_opaque(4)) != NULL) return 2;
  void* other = malloc(71);
  live_keep(other);
  if (reallocarray(other, live_opaque((size_t)1 << 32), live_opaque((size_t)1 << 32)) != NULL) return 3;
  return 0;
}

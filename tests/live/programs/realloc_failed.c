// SPDX-License-Identifier: Apache-2.0
// A realloc that fails leaves the old block alive.
// truth: 1 block, 60 bytes (kept across the failure); the second one is freed after its failure
#include <stdint.h>
#include <stdlib.h>

#include "common.h"

int main(void) {
  void* lost = malloc(60);
  void* freed = malloc(61);
  live_keep(lost);
  if (realloc(lost, live_opaque(SIZE_MAX / 4)) != NULL) return 1;
  if (realloc(freed, live_opaque(SIZE_MAX / 4)) != NULL) return 1;
  free(freed);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// realloc(p, 0) frees p and returns NULL with glibc; realloc(NULL, 0) allocates.
// truth: 1 block, 0 bytes (realloc(NULL, 0))
#include <stdlib.h>

#include "common.h"

int main(void) {
  void* block = malloc(50);
  live_keep(block);
  if (realloc(block, live_opaque(0)) != NULL) return 1;
  void* empty = realloc(NULL, live_opaque(0));
  live_keep(empty);
  return empty == NULL ? 1 : 0;
}

// SPDX-License-Identifier: Apache-2.0
// Allocates and frees; ends clean.
// truth: nothing
#include <stdlib.h>

#include "common.h"

int main(void) {
  for (int round = 0; round < 1000; ++round) {
    void* block = malloc(24 + (size_t)round);
    live_keep(block);
    free(block);
  }
  return 0;
}

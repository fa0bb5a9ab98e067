// SPDX-License-Identifier: Apache-2.0
// free(NULL) a thousand times is nothing at all.
// truth: 1 block, 80 bytes
#include <stdlib.h>

#include "common.h"

int main(void) {
  for (int round = 0; round < 1000; ++round) {
    void* nothing = NULL;
    live_keep(nothing);
    free(nothing);
  }
  live_keep(malloc(80));
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// malloc(0), calloc(0, n) and calloc(n, 0) return blocks of no bytes, which have to be freed like others.
// truth: 3 blocks, 0 bytes
#include <stdlib.h>

#include "common.h"

int main(void) {
  live_keep(malloc(live_opaque(0)));
  live_keep(calloc(live_opaque(0), 8));
  live_keep(calloc(8, live_opaque(0)));
  free(malloc(live_opaque(0)));
  return 0;
}

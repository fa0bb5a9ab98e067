// SPDX-License-Identifier: Apache-2.0
// Two names of what may be one function, called on one line: with some C libraries nobody can tell which was
// meant.
// truth: 2 blocks, 640 and 640 bytes
#include <malloc.h>
#include <stdlib.h>

#include "common.h"

int main(void) {
  live_keep(aligned_alloc(64, 640)), live_keep(memalign(64, 640));
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Aligned allocations that fail: too much memory, and an alignment that posix_memalign refuses.
// truth: 1 block, 64 bytes (the one that succeeds)
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "common.h"

int main(void) {
  if (aligned_alloc(64, live_opaque(SIZE_MAX / 4)) != NULL) return 1;
  void* block = NULL;
  if (posix_memalign(&block, 64, live_opaque(SIZE_MAX / 4)) != ENOMEM) return 2;
  if (posix_memalign(&block, live_opaque(24), 64) != EINVAL) return 3;
  if (posix_memalign(&block, 64, 64) != 0) return 4;
  live_keep(block);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// A posix_memalign of the program's own that says it succeeded and writes its result nowhere.
// truth: nothing can be told of the block: the run is incomplete
#include <stdint.h>
#include <stdlib.h>

#include "common.h"

LIVE_NOINLINE int posix_memalign(void** result, size_t alignment, size_t size) {
  live_keep(result);
  return alignment < size ? 0 : 12;
}

int main(void) {
  return posix_memalign((void**)(uintptr_t)live_opaque(8), 16, live_opaque(100));
}

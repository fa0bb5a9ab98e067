// SPDX-License-Identifier: Apache-2.0
// Holds pieces: one of a page that a slice allocator took, with a block in it, and one of a page of its own.
// truth: 4096 bytes still reachable with 152 bytes that hang on them, 4096 bytes possibly lost
#include "slices.h"

#include <stdlib.h>

#include "common.h"

static void** volatile piece;
static char* volatile own;

int main(void) {
  piece = slice_alloc();
  *piece = malloc(152);
  void* page = NULL;
  if (posix_memalign(&page, 4096, 4096) != 0) return 1;
  own = (char*)page + 256;
  live_keep(own);
  return 0;
}

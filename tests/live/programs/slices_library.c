// SPDX-License-Identifier: Apache-2.0
// A slice allocator, as GLib's before 2.76: a page, of which pieces are handed out.
#include "slices.h"

#include <stdlib.h>

enum { kPage = 4096, kPiece = 256 };

void* slice_alloc(void) {
  void* page = NULL;
  if (posix_memalign(&page, kPage, kPage) != 0) abort();
  return (char*)page + kPiece;
}

void* wrapped_malloc(size_t size) {
  return malloc(size);
}

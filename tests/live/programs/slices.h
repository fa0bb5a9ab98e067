/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of a page that was taken from posix_memalign, from a library that is called like GLib's. */
#ifndef LIVE_SLICES_H
#define LIVE_SLICES_H

#include <stddef.h>

void* slice_alloc(void);
/// As g_malloc(): nothing but malloc().
void* wrapped_malloc(size_t size);

#endif

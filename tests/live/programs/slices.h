/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of a page that was taken from posix_memalign, from a library that is called like GLib's. */
#ifndef LIVE_SLICES_H
#define LIVE_SLICES_H

void* slice_alloc(void);

#endif

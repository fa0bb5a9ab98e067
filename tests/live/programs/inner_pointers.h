// SPDX-License-Identifier: Apache-2.0
// The library's side of inner_pointers.c.
#pragma once

#include <stddef.h>

/// `size` bytes, behind 48 of the library's own; never freed.
void* instance_new(size_t size);

// SPDX-License-Identifier: Apache-2.0
// Gives instances that stand behind their private data, as libgobject does.
#include "inner_pointers.h"

#include "slices.h"

enum { kPrivate = 48 };

void* instance_new(size_t size) {
  return (char*)wrapped_malloc(kPrivate + size) + kPrivate;
}

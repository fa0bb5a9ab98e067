// SPDX-License-Identifier: Apache-2.0
// What the live test programs share (C and C++). Every program says its exact truth on its "// truth:" lines,
// blocks and bytes outstanding at the end, per process; memory that the C and C++ runtimes keep for
// themselves is not counted.
#ifndef LEAKGATE_LIVE_COMMON_H
#define LEAKGATE_LIVE_COMMON_H

#include <stddef.h>

#define LIVE_NOINLINE __attribute__((noinline))

/// Keeps the optimiser from dropping an allocation.
static inline void live_keep(const void* block) {
  __asm__ volatile("" : : "r"(block) : "memory");
}

/// A number the compiler cannot see through, for sizes that would be warned about.
static inline size_t live_opaque(size_t value) {
  volatile size_t hidden = value;
  return hidden;
}

#endif

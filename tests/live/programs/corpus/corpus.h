// SPDX-License-Identifier: Apache-2.0
// What the programs of the stack corpus share. Every leak has a size of its own, 70,000 plus a number, by
// which a debugger can stop at the very call, and a function of its own.
#ifndef LEAKGATE_CORPUS_H
#define LEAKGATE_CORPUS_H

#include <stddef.h>
#include <stdlib.h>

#define CORPUS_NOINLINE __attribute__((noinline))

enum { CORPUS_FIRST_BYTES = 70000 };

/* The optimiser must neither drop an allocation nor see its size. */
static inline void corpus_keep(const void* block) {
  __asm__ volatile("" : : "r"(block) : "memory");
}

static inline size_t corpus_bytes(size_t number) {
  __asm__ volatile("" : "+r"(number));
  return CORPUS_FIRST_BYTES + number;
}

/* A call that stays a call, not a jump: something is left to do after it. */
#define CORPUS_AFTER_CALL() __asm__ volatile("" : : : "memory")

#endif

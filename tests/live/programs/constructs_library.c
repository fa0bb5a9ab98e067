// SPDX-License-Identifier: Apache-2.0
// A library whose constructor allocates: a block that nobody keeps, and a table that others hang things on.
#include <stdlib.h>

#include "common.h"

void constructs_keep(void* block);

static void** table;

static LIVE_NOINLINE void lose(void) {
  live_keep(malloc(555));
}

__attribute__((constructor)) static void construct(void) {
  lose();
  table = calloc(16, sizeof *table);
}

void constructs_keep(void* block) {
  table[3] = block;
}

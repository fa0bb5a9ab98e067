// SPDX-License-Identifier: Apache-2.0
// _exit: neither atexit handlers nor static destructors run.
// truth: 1 block, 160 bytes; exit status 7
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

static void never(void) {
  abort();
}

int main(void) {
  atexit(never);
  live_keep(malloc(160));
  _exit(7);
}

// SPDX-License-Identifier: Apache-2.0
// Leaks, says so on standard output, and sleeps until a signal ends it.
// truth: 1 block, 310 bytes; prints "asleep"
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

int main(void) {
  live_keep(malloc(310));
  if (write(STDOUT_FILENO, "asleep\n", 7) != 7) return 1;
  for (;;)
    pause();
}

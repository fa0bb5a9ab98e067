// SPDX-License-Identifier: Apache-2.0
// Writes through a null pointer.
// truth: 1 block, 181 bytes; killed by SIGSEGV
#include <stdlib.h>

#include "common.h"

int main(void) {
  live_keep(malloc(181));
  volatile int* volatile nowhere = NULL;
  *nowhere = 1;
  return 0;
}

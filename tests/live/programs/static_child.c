// SPDX-License-Identifier: Apache-2.0
// A statically linked program, to be started by another one.
// truth: 1 block, 270 bytes
#include <stdlib.h>

#include "common.h"

int main(void) {
  live_keep(malloc(270));
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// A statically linked program, to be started by another one. "wait": waits to be killed.
// truth: 1 block, 270 bytes
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char** argv) {
  (void)argv;
  live_keep(malloc(270));
  if (argc > 1) sleep(30);
  return 0;
}

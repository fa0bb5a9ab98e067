// SPDX-License-Identifier: Apache-2.0
// A statically linked program, to be started by another one. "wait": waits to be killed. "abort" MS: aborts
// after so long.
// truth: 1 block, 270 bytes
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char** argv) {
  live_keep(malloc(270));
  if (argc > 2 && strcmp(argv[1], "abort") == 0) {
    usleep((useconds_t)atoi(argv[2]) * 1000);
    abort();
  }
  if (argc > 1) sleep(30);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Kills itself with SIGKILL: no code of its own runs any more.
// truth: 1 block, 182 bytes; killed by SIGKILL
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

int main(void) {
  live_keep(malloc(182));
  kill(getpid(), SIGKILL);
  return 1;
}

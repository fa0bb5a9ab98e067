// SPDX-License-Identifier: Apache-2.0
// Says "ready", waits until the file GO exists, and ends with one block lost and one held: for tests in which
// a process ends at a moment of their choosing.
//   live_ends_on_go GO
// truth: 24 bytes in 1 block definitely lost; 40 bytes in 1 block still reachable
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static void* held;

static LIVE_NOINLINE void lose(void) {
  void* block = malloc(24);
  live_keep(&block);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  lose();
  held = malloc(40);
  live_keep(&held);
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
  const struct timespec moment = {0, 5000000};
  while (access(argv[1], F_OK) != 0) {
    nanosleep(&moment, NULL);
  }
  return 0;
}

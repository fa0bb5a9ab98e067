// SPDX-License-Identifier: Apache-2.0
// Pairs of children that end at the same time on one processor, each with a lost block; 20 rounds.
// truth: 40 blocks of 100 bytes, definitely lost
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { kRounds = 20 };

static void end(int until_closed) {
  char byte;
  live_keep(malloc(100));
  (void)!read(until_closed, &byte, 1);
  exit(0);
}

int main(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  const int here = sched_getcpu();
  CPU_SET(here < 0 ? 0 : (size_t)here, &one);
  (void)sched_setaffinity(0, sizeof one, &one);
  for (int round = 0; round < kRounds; ++round) {
    int ends[2];
    if (pipe(ends) != 0) return 1;
    for (int child = 0; child < 2; ++child) {
      const pid_t pid = fork();
      if (pid < 0) return 2;
      if (pid == 0) {
        close(ends[1]);
        end(ends[0]);
      }
    }
    usleep(10000);
    close(ends[1]);
    close(ends[0]);
    while (wait(NULL) > 0) {
    }
  }
  return 0;
}

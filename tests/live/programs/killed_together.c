// SPDX-License-Identifier: Apache-2.0
// 40 children that allocate, and are killed at one stroke, as a job's time limit does it. Says how long it
// was until the last of them was gone: "S.FFF seconds".
// truth: parent nothing; 40 children 1 block, 24 bytes each, killed by SIGKILL
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(void) {
  int ready[2];
  if (pipe(ready) != 0) return 1;
  pid_t group = 0;
  for (int number = 0; number < 40; ++number) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      live_keep(malloc(24));
      if (write(ready[1], "r", 1) != 1) _exit(1);
      for (;;)
        pause();
    }
    if (group == 0) group = child;
    if (setpgid(child, group) != 0) return 1;
  }
  char one;
  for (int number = 0; number < 40; ++number)
    if (read(ready[0], &one, 1) != 1) return 1;
  const double start = now();
  if (kill(-group, SIGKILL) != 0) return 2;
  while (wait(NULL) > 0)
    ;
  printf("%.3f seconds\n", now() - start);
  return 0;
}

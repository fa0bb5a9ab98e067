// SPDX-License-Identifier: Apache-2.0
// 300 children that live at the same time, allocate, and end one after the other; with an argument, all at
// one moment, and what they took of the processors is printed, in seconds.
// truth: parent nothing; 300 children 1 block, 24 bytes each
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char** argv) {
  (void)argv;
  int go[2];
  if (pipe(go) != 0) return 1;
  char one = 0;
  for (int number = 0; number < 300; ++number) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      close(go[1]);
      live_keep(malloc(24));
      return read(go[0], &one, 1) == (argc == 1) ? 0 : 1;
    }
  }
  if (argc > 1 && usleep(300000) == 0) close(go[1]);  // all of them wait by now
  for (int number = 0; number < 300; ++number) {
    int status = 0;
    if ((argc == 1 && write(go[1], "g", 1) != 1) || wait(&status) < 0 || status != 0) return 2;
  }
  struct rusage children;
  if (argc > 1 && getrusage(RUSAGE_CHILDREN, &children) == 0) {
    const long seconds = children.ru_utime.tv_sec + children.ru_stime.tv_sec;
    if (dprintf(STDOUT_FILENO, "%ld\n", seconds) < 0) return 3;
  }
  return 0;
}

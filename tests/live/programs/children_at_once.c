// SPDX-License-Identifier: Apache-2.0
// 300 children that live at the same time, allocate, and end one after the other; with an argument, all at
// one moment, and what they took of the processors is printed, in seconds; with two, 40 children, of each of
// which three threads end it.
// truth: parent nothing; 300 or 40 children 1 block, 24 bytes each
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static int go[2];

static int waited(void) {
  char one = 0;
  return (int)read(go[0], &one, 1);
}

static void* end(void* nothing) {
  (void)waited();
  _exit(0);
  return nothing;
}

int main(int argc, char** argv) {
  (void)argv;
  const int children = argc > 2 ? 40 : 300;
  if (pipe(go) != 0) return 1;
  for (int number = 0; number < children; ++number) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      close(go[1]);
      live_keep(malloc(24));
      pthread_t thread;
      for (int further = 0; argc > 2 && further < 2; ++further)
        if (pthread_create(&thread, NULL, end, NULL) != 0) return 1;
      return waited() == (argc == 1) ? 0 : 1;
    }
  }
  if (argc > 1 && usleep(300000) == 0) close(go[1]);  // all of them wait by now
  for (int number = 0; number < children; ++number) {
    int status = 0;
    if ((argc == 1 && write(go[1], "g", 1) != 1) || wait(&status) < 0 || status != 0) return 2;
  }
  struct rusage used;
  if (argc > 1 && getrusage(RUSAGE_CHILDREN, &used) == 0) {
    const long seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec;
    if (dprintf(STDOUT_FILENO, "%ld\n", seconds) < 0) return 3;
  }
  return 0;
}

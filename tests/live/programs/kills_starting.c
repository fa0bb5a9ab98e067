// SPDX-License-Identifier: Apache-2.0
// What a test runner does with its time limit, and more: it starts programs, by way of fork, vfork or
// posix_spawn, and kills each after a time that is at first none at all, so that some die before they are
// programs of their own, some while their libraries are loaded, and some while they run. All are waited for.
// "PATH": what is started instead of the program itself, which leaks nothing.
// truth: nothing lost; exit status 0
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

enum { ROUNDS = 40, STEP_US = 50 };

static pid_t start(int how, char* const argv[]) {
  pid_t child = -1;
  if (how == 0) {
    if (posix_spawn(&child, argv[0], NULL, NULL, argv, environ) != 0) return -1;
    return child;
  }
  child = how == 1 ? fork() : vfork();
  if (child == 0) {
    execv(argv[0], argv);
    _exit(126);
  }
  return child;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "wait") == 0) {
    sleep(30);
    return 0;
  }
  char* const own[] = {argv[0], "wait", NULL};
  char* const other[] = {argc > 1 ? argv[1] : argv[0], NULL};
  for (int round = 0; round < ROUNDS; ++round)
    for (int how = 0; how < 3; ++how) {
      const pid_t child = start(how, argc > 1 ? other : own);
      if (child < 0) return 1;
      if (round > 0) usleep((useconds_t)(round * STEP_US));
      kill(child, SIGKILL);
      if (waitpid(child, NULL, 0) != child) return 2;
    }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Starts each program it is given, one after the other, and waits for it.
// truth: nothing of its own
#include <spawn.h>
#include <sys/wait.h>

extern char** environ;

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    pid_t child = 0;
    char* command[] = {argv[i], 0};
    int status = 0;
    if (posix_spawn(&child, argv[i], 0, 0, command, environ) != 0) return 1;
    if (waitpid(child, &status, 0) != child || status != 0) return 2;
  }
  return 0;
}

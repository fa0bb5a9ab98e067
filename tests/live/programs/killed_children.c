// SPDX-License-Identifier: Apache-2.0
// 50 children, one after the other: each allocates, kills itself, and is reaped at once.
// truth: parent nothing; 50 children 1 block, 24 bytes each, killed by SIGKILL
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

int main(void) {
  for (int number = 0; number < 50; ++number) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      live_keep(malloc(24));
      raise(SIGKILL);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) return 2;
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Becomes another user, as a daemon does that was started by root, then forks a child that allocates.
// truth: nothing outstanding; exit status 0, or 1 where it is not root's to give up
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

int main(void) {
  if (setgid(65534) != 0 || setuid(65534) != 0) return 1;
  const pid_t child = fork();
  if (child < 0) return 2;
  if (child == 0) {
    void* block = malloc(100);
    live_keep(block);
    free(block);
    exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : 3;
}

// SPDX-License-Identifier: Apache-2.0
// Parent and forked child leak different amounts; the child also frees a block that its parent allocated.
// truth: parent 2 blocks, 190 bytes (90, and 100 whose copy the child frees)
// truth: child 1 block, 91 bytes (what it inherited is not its own)
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

int main(void) {
  live_keep(malloc(90));
  void* shared = malloc(100);
  live_keep(shared);
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    free(shared);
    live_keep(malloc(91));
    exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : 2;
}

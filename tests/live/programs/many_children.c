// SPDX-License-Identifier: Apache-2.0
// 2000 children, one after the other and up to 16 at a time; every tenth leaks 8 bytes.
// truth: parent nothing; 200 children 1 block, 8 bytes each; 1800 children nothing
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

int main(void) {
  int running = 0;
  for (int number = 0; number < 2000; ++number) {
    if (running == 16) {
      wait(NULL);
      --running;
    }
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      void* block = malloc(8);
      live_keep(block);
      if (number % 10 != 0) free(block);
      _exit(0);
    }
    ++running;
  }
  while (wait(NULL) > 0) {
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// 300 children that live at the same time, allocate, and end one after the other.
// truth: parent nothing; 300 children 1 block, 24 bytes each
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

int main(void) {
  int go[2];
  if (pipe(go) != 0) return 1;
  char one = 0;
  for (int number = 0; number < 300; ++number) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      live_keep(malloc(24));
      return read(go[0], &one, 1) == 1 ? 0 : 1;
    }
  }
  for (int number = 0; number < 300; ++number) {
    int status = 0;
    if (write(go[1], "g", 1) != 1 || wait(&status) < 0 || status != 0) return 2;
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// vfork, and the child executes this program again with one argument.
// truth: parent 1 block, 110 bytes; executed child 1 block, 111 bytes (exec dropped whatever it had before)
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char** argv) {
  if (argc > 1) {
    live_keep(malloc(111));
    return 0;
  }
  live_keep(malloc(110));
  const pid_t child = vfork();
  if (child < 0) return 1;
  if (child == 0) {
    execl("/proc/self/exe", argv[0], "child", (char*)NULL);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : 2;
}

// SPDX-License-Identifier: Apache-2.0
// posix_spawn starts this program again with one argument.
// truth: parent 1 block, 120 bytes; spawned child 1 block, 121 bytes
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char** argv) {
  if (argc > 1) {
    live_keep(malloc(121));
    return 0;
  }
  live_keep(malloc(120));
  char child_name[] = "child";
  char* arguments[] = {argv[0], child_name, NULL};
  pid_t child = 0;
  if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) != 0) return 1;
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : 2;
}

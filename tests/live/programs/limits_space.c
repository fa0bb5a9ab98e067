// SPDX-License-Identifier: Apache-2.0
// Limits its address space to 256 MiB, finds that limit and that it holds, for itself, for a child and for
// another program. Argument: "for good" limits what it may be raised to as well. Exits with the number of
// what was not so.
// truth: 1 block of 77 bytes, lost in the child
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static const rlim_t kLimit = 256 << 20;

static int room_for(size_t bytes) {
  void* const block = malloc(bytes);
  free(block);
  return block != NULL;
}

static int status_of(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static int child_of_limited(void) {
  if (room_for(1 << 30)) return 5;
  if (!room_for(60 << 20)) return 6;
  live_keep(malloc(77));
  return 0;
}

int main(int argc, char** argv) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) return 1;
  limit.rlim_cur = kLimit;
  if (argc > 1 && argv[1]) limit.rlim_max = kLimit;
  if (setrlimit(RLIMIT_AS, &limit) != 0) return 2;
  if (prlimit(0, RLIMIT_AS, NULL, &limit) != 0 || limit.rlim_cur != kLimit) return 3;
  if (room_for(1 << 30) || !room_for(100 << 20)) return 4;
  pid_t child = fork();
  if (child == 0) exit(child_of_limited());
  int status = status_of(child);
  if (status != 0) return status;
  child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "test \"$(ulimit -v)\" = 262144", (char*)NULL);
    _exit(126);
  }
  status = status_of(child);
  return status == 0 ? 0 : 7;
}

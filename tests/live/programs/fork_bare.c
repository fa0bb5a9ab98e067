// SPDX-License-Identifier: Apache-2.0
// Children that are forked without the handlers of pthread_atfork: by _Fork, where the parent frees its
// connection at once, and by a system call, where it does when the child has allocated.
// truth: each child loses 1 block, 41 bytes; what it hangs into its connection is held by that
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

struct connection {
  char name[800];
  void* late;  // where no allocator writes when the connection is freed
};

static struct connection* served;

static LIVE_NOINLINE void lose(void) {
  live_keep(malloc(41));
}

static pid_t fork_by_call(void) {
  return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static pid_t fork_by_name(void) {
#if __GLIBC_PREREQ(2, 34)
  return _Fork();
#else
  return fork();
#endif
}

/// In the child: says when it has allocated, and waits until the parent has freed.
static void serve(int told, int go) {
  char byte;
  served->late = malloc(77);
  lose();
  if (write(told, "x", 1) != 1) _exit(1);
  _exit(read(go, &byte, 1) == 1 ? 0 : 1);
}

static int try_fork(pid_t (*make)(void), int at_once) {
  int told[2], go[2], status = 0;
  char byte;
  if (pipe(told) != 0 || pipe(go) != 0) return 1;
  served = calloc(1, sizeof *served);
  void* const behind = malloc(3000);
  live_keep(behind);
  const pid_t child = make();
  if (child == 0) serve(told[1], go[0]);
  if (child < 0) return 1;
  int failed = 0;
  if (at_once) free(served);
  failed += read(told[0], &byte, 1) != 1;
  if (!at_once) free(served);
  served = NULL;
  failed += write(go[1], "x", 1) != 1;
  failed += waitpid(child, &status, 0) != child || status != 0;
  free(behind);
  return failed;
}

int main(void) {
  return try_fork(fork_by_name, 1) + try_fork(fork_by_call, 0);
}

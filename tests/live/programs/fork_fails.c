// SPDX-License-Identifier: Apache-2.0
// A thread's fork fails. What the parent then frees a child of another thread's has all the same: one that
// was forked before, and one that is forked after it, but before the thread's next one. All but the parent
// lose a block.
// truth: each of the four children loses 1 block, 41 bytes; what they hang into connections is held by them
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

struct connection {
  char name[800];
  void* late;  // where no allocator writes when the connection is freed
};

struct child {
  pid_t id;
  int go;
};

enum { NOBODY = 65534 };

static struct connection* served;
static pthread_barrier_t turn;

static LIVE_NOINLINE void lose(void) {
  live_keep(malloc(41));
}

static struct child start_child(int serves) {
  int ends[2];
  struct child child = {-1, -1};
  if (pipe(ends) != 0) return child;
  child.id = fork();
  child.go = ends[1];
  if (child.id == 0) {
    char byte;
    close(ends[1]);
    if (serves) served->late = malloc(77);
    lose();
    exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
  }
  close(ends[0]);
  return child;
}

static int end_child(struct child child) {
  int status = 0;
  const int told = write(child.go, "x", 1) == 1;
  close(child.go);
  return !told || child.id <= 0 || waitpid(child.id, &status, 0) != child.id || status != 0;
}

/// Whether the fork failed. Root may fork whatever the limit is: the thread is somebody else meanwhile.
static int fail_to_fork(void) {
  struct rlimit limit, none;
  getrlimit(RLIMIT_NPROC, &limit);
  none = limit;
  none.rlim_cur = 0;
  const int is_root = geteuid() == 0;
  setrlimit(RLIMIT_NPROC, &none);
  if (is_root) syscall(SYS_setresuid, NOBODY, NOBODY, 0);
  const pid_t child = fork();
  if (child == 0) _exit(0);
  if (is_root) syscall(SYS_setresuid, 0, 0, 0);
  setrlimit(RLIMIT_NPROC, &limit);
  if (child > 0) waitpid(child, NULL, 0);
  return child < 0;
}

/// Fails to fork before the other thread forks, or after it, and forks then or not.
static void* run_beside(void* order) {
  const int fails_first = *(const int*)order;
  int failed = 0;
  struct child child = {-1, -1};
  if (fails_first) failed = !fail_to_fork();
  pthread_barrier_wait(&turn);
  pthread_barrier_wait(&turn);  // the other one has forked
  if (fails_first)
    child = start_child(0);
  else
    failed = !fail_to_fork();
  pthread_barrier_wait(&turn);
  pthread_barrier_wait(&turn);  // the other one's child is over
  if (fails_first) failed += end_child(child);
  return failed ? &turn : NULL;
}

static int try_order(int fails_first) {
  pthread_t beside;
  void* failed = NULL;
  served = calloc(1, sizeof *served);
  void* const behind = malloc(3000);
  live_keep(behind);
  if (pthread_create(&beside, NULL, run_beside, &fails_first) != 0) return 1;
  pthread_barrier_wait(&turn);
  const struct child child = start_child(1);
  pthread_barrier_wait(&turn);
  pthread_barrier_wait(&turn);
  free(served);
  served = NULL;
  const int wrong = end_child(child);
  pthread_barrier_wait(&turn);
  pthread_join(beside, &failed);
  free(behind);
  return wrong || failed;
}

int main(void) {
  if (pthread_barrier_init(&turn, NULL, 2) != 0) return 1;
  const int wrong = try_order(1) + try_order(0);
  // one more, forked when all others are over
  return wrong + end_child(start_child(0));
}

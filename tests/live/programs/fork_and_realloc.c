// SPDX-License-Identifier: Apache-2.0
// Children end while their parent is inside realloc of a table that they have inherited: a page of it cannot
// be read, and the handler of that fault waits for the child. The first call fails before it comes so far,
// and the child ends after it; the second one moves the table.
// truth: each child loses 1 block, 41 bytes; what they hang into the table is held by it
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { PAGE = 4096, BYTES = 64 * PAGE };

static void** table;
static void* unreadable;
static int go[2];
static pid_t child;
static int failed;
static volatile sig_atomic_t waited;

static void await_child(void) {
  int status = 0;
  close(go[1]);
  if (waitpid(child, &status, 0) != child || status != 0) failed = 1;
}

static void on_fault(int number) {
  (void)number;
  if (waited) _exit(3);
  waited = 1;
  await_child();
  mprotect(unreadable, PAGE, PROT_READ | PROT_WRITE);
}

static LIVE_NOINLINE void lose(void) {
  live_keep(malloc(41));
}

static int start_child(void) {
  if (pipe(go) != 0) return 0;
  child = fork();
  if (child != 0) {
    close(go[0]);
    return child > 0;
  }
  char byte;
  close(go[1]);
  table[5] = malloc(77);
  lose();
  exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
}

int main(void) {
  mallopt(M_MMAP_MAX, 0);  // what the kernel moves is not read
  struct sigaction action = {.sa_handler = on_fault};
  sigaction(SIGSEGV, &action, NULL);
  table = calloc(1, BYTES);
  void* const behind = malloc(5000);  // it has to move
  live_keep(behind);
  if (!start_child()) return 1;
  live_keep(realloc(table, live_opaque(SIZE_MAX / 2)));
  await_child();
  if (!start_child()) return 1;
  unreadable = (void*)(((uintptr_t)table + BYTES / 2) & ~(uintptr_t)(PAGE - 1));
  if (mprotect(unreadable, PAGE, PROT_NONE) != 0) return 1;
  free(realloc(table, 4 * BYTES));
  table = NULL;
  free(behind);
  return failed || !waited;
}

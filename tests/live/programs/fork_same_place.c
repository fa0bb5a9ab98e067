// SPDX-License-Identifier: Apache-2.0
// A parent that frees its connection when it has forked, and at once makes and frees something smaller in the
// same place, before its clock goes on: what the child hangs behind that is still held by the connection.
// truth: nothing
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { CHILDREN = 6 };

struct connection {
  char name[1600];
  void* late;  // behind all that is made in its place
  char rest[800];
};

static struct connection* served;

static void serve(int go) {
  char byte;
  served->late = malloc(77);
  if (read(go, &byte, 1) != 0) exit(1);  // until the parent has freed
  exit(0);
}

/// Whether the smaller one came to lie in the connection's place.
static int replace(void) {
  const void* const place = served;
  free(served);
  void* const smaller = malloc(1064);
  live_keep(smaller);
  const int same = smaller == place;
  free(smaller);
  return same;
}

static int fork_once(void) {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  served = calloc(1, sizeof *served);
  void* const behind = malloc(48);  // the connection's place is not put together with what follows
  live_keep(behind);
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    close(ends[1]);
    serve(ends[0]);
  }
  const int same = replace();
  close(ends[0]);
  close(ends[1]);
  int status = 0;
  const int failed = waitpid(child, &status, 0) != child || status != 0;
  free(behind);
  served = NULL;
  return failed || !same;
}

int main(void) {
  int failed = 0;
  for (int i = 0; i < CHILDREN; ++i)
    failed += fork_once();
  return failed;
}

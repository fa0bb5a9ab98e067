// SPDX-License-Identifier: Apache-2.0
// A server that forks for each connection: the parent frees its connection at once, at a place that it then
// takes for the next one; the child goes on with its own copy, and hangs what it allocates into it. One
// connection is given up by realloc. A child of a child works with what both of its ancestors have freed.
// truth: each of the first four children loses 1 block, 41 bytes; the last one loses 1 block, 60 bytes, in what
// it inherited and frees
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { CHILDREN = 5 };

struct connection {
  void* buffer;
  struct connection* next;
  char name[80];
  void* late;  // where no allocator writes when the connection is freed
};

/// In the child by way of what its parent has freed.
static struct connection* served;

static LIVE_NOINLINE void lose(void) {
  live_keep(malloc(41));
}

static LIVE_NOINLINE void give_up(void) {
  served->late = malloc(60);
  live_keep(served);
  free(served->buffer);
  free(served);
  served = NULL;
}

static void await(int fd) {
  char byte;
  while (read(fd, &byte, 1) > 0) {
  }
}

static void serve(int number) {
  served->buffer = malloc(100 + (size_t)number);
  if (number < CHILDREN - 1) {
    lose();
    exit(0);
  }
  int ends[2];
  if (pipe(ends) != 0) exit(1);
  const pid_t grandchild = fork();
  if (grandchild == 0) {
    close(ends[1]);
    await(ends[0]);
    served->next->buffer = malloc(200);
    exit(0);
  }
  give_up();
  close(ends[1]);
  waitpid(grandchild, NULL, 0);
  exit(0);
}

int main(void) {
  pid_t children[CHILDREN];
  int ends[CHILDREN][2];
  for (int i = 0; i < CHILDREN; ++i) {
    if (pipe(ends[i]) != 0) return 1;
    served = calloc(1, sizeof *served);
    served->next = calloc(1, 300);
    children[i] = fork();
    if (children[i] < 0) return 1;
    if (children[i] == 0) {
      for (int other = 0; other <= i; ++other)
        close(ends[other][1]);
      await(ends[i][0]);
      serve(i);
    }
    free(served->next);
    if (i == 2)
      free(realloc(served, 4000));
    else
      free(served);
    close(ends[i][0]);
  }
  for (int i = 0; i < CHILDREN; ++i)
    close(ends[i][1]);
  int failed = 0;
  for (int i = 0; i < CHILDREN; ++i) {
    int status = 0;
    if (waitpid(children[i], &status, 0) != children[i] || status != 0) ++failed;
  }
  return failed;
}

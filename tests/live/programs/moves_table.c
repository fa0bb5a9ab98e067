// SPDX-License-Identifier: Apache-2.0
// A thread moves a table of pointers by realloc, again and again, while main returns: the table is in the
// allocator's hands for most of the time.
// truth: nothing lost; exit status 0
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 16 << 20, LARGE = 48 << 20, HELD = 200 };

static void** volatile table;
static volatile int ready, stop;

static void* move(void* unused) {
  table = malloc(SMALL);
  memset(table, 1, SMALL);
  for (int i = 0; i < HELD; ++i)
    table[100 + i * 1000] = calloc(1, 500);  // not where the allocator writes when it frees
  ready = 1;
  for (unsigned turn = 0; !stop; ++turn) {
    void* const behind = malloc(100);  // keeps it from growing where it is
    table = realloc(table, turn % 2 ? SMALL : LARGE);
    free(behind);
  }
  return unused;
}

int main(void) {
  // in the heap, where a move is a copy
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_ARENA_MAX, 1);
  pthread_t thread;
  if (pthread_create(&thread, NULL, move, NULL) != 0) return 1;
  while (!ready)
    usleep(100);
  usleep(30000);
  return 0;
}

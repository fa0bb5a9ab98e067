// SPDX-License-Identifier: Apache-2.0
// Mappings of which the upper half is a thread's stack (pthread_attr_setstack) and the lower half the
// program's own memory, while the thread lives and after its end; and a record in a mapping of its own that
// points at itself twice, as the control block of a thread does.
// truth: nothing lost; exit status 0
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"

enum { BYTES = 1 << 20, PAGE = 4096 };

struct ring {
  struct ring* next;
  long count;
  struct ring* last;
};

static volatile int lives;

static void* end(void* unused) {
  return unused;
}

static void* live(void* unused) {
  lives = 1;
  while (lives)
    pause();
  return unused;
}

/// A mapping that the kernel does not join with others.
static char* map(size_t bytes) {
  char* const all = mmap(NULL, bytes + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED || mprotect(all + PAGE, bytes, PROT_READ | PROT_WRITE) != 0) exit(1);
  return all + PAGE;
}

static LIVE_NOINLINE void hold(char* place, size_t bytes) {
  *(void**)place = malloc(bytes);
}

static LIVE_NOINLINE pthread_t start(void* (*run)(void*), size_t bytes) {
  char* const memory = map(BYTES);
  pthread_attr_t attributes;
  pthread_t thread;
  hold(memory + 80, bytes);
  pthread_attr_init(&attributes);
  if (pthread_attr_setstack(&attributes, memory + BYTES / 2, BYTES / 2) != 0 ||
      pthread_create(&thread, &attributes, run, NULL) != 0)
    exit(1);
  pthread_attr_destroy(&attributes);
  return thread;
}

static LIVE_NOINLINE void make_ring(void) {
  char* const memory = map(16 * PAGE);
  struct ring* const ring = (struct ring*)(memory + 16 * PAGE - 1024);
  ring->next = ring->last = ring;
  hold(memory + 24, 850);
}

int main(void) {
  pthread_join(start(end, 810), NULL);
  start(live, 820);
  while (!lives)
    usleep(100);
  make_ring();
  return 0;
}

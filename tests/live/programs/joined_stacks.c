// SPDX-License-Identifier: Apache-2.0
// Stacks without guard pages, which the kernel joins into one mapping: of five threads, all but the third
// have ended, and each left the only pointers to some blocks on its stack.
// truth: 8 blocks each of 160, 161, 163 and 164 bytes lost, the live thread's 8 of 162 not; exit status 23
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

enum { THREADS = 5, LIVES = 2, BLOCKS = 8, STACK_BYTES = 256 << 10 };

static pthread_barrier_t all_run;
static volatile int sink;

static LIVE_NOINLINE void leave(size_t bytes) {
  volatile char deep[6000];  // so that no later frame of the thread covers it
  void* volatile blocks[BLOCKS];
  deep[0] = deep[sizeof deep - 1] = 1;
  for (int i = 0; i < BLOCKS; ++i)
    blocks[i] = malloc(bytes);
  sink = deep[0] + (blocks[0] != NULL);
}

static LIVE_NOINLINE void keep(size_t bytes) {
  void* volatile blocks[BLOCKS];
  for (int i = 0; i < BLOCKS; ++i)
    blocks[i] = malloc(bytes);
  pthread_barrier_wait(&all_run);
  for (;;)
    sleep((unsigned)(blocks[0] != NULL));
}

static void* run(void* bytes) {
  if ((size_t)bytes == 160 + LIVES) keep((size_t)bytes);
  leave((size_t)bytes);
  pthread_barrier_wait(&all_run);
  return NULL;
}

int main(void) {
  pthread_attr_t attributes;
  pthread_t threads[THREADS];
  pthread_attr_init(&attributes);
  if (pthread_attr_setguardsize(&attributes, 0) != 0 ||
      pthread_attr_setstacksize(&attributes, STACK_BYTES) != 0 ||
      pthread_barrier_init(&all_run, NULL, THREADS + 1) != 0)
    return 1;
  for (size_t i = 0; i < THREADS; ++i)
    if (pthread_create(&threads[i], &attributes, run, (void*)(160 + i)) != 0) return 1;
  pthread_attr_destroy(&attributes);
  pthread_barrier_wait(&all_run);
  for (int i = 0; i < THREADS; ++i)
    if (i != LIVES) pthread_join(threads[i], NULL);
  return 0;
}

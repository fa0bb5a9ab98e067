// SPDX-License-Identifier: Apache-2.0
// A detached thread is asleep with a block in its hands when main returns.
// truth: 1 block, 192 bytes
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

static sem_t allocated;

static void* sleep_with_block(void* unused) {
  void* block = malloc(192);
  live_keep(block);
  sem_post(&allocated);
  for (;;)
    pause();
  return unused;
}

int main(void) {
  sem_init(&allocated, 0, 0);
  pthread_t thread;
  if (pthread_create(&thread, NULL, sleep_with_block, NULL) != 0) return 1;
  pthread_detach(thread);
  sem_wait(&allocated);
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// One thread becomes another program while the main thread ends the process and others are busy.
// truth: whichever is first, the exit status is 0; 1 block of 150 bytes, which is not lost
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

enum { kBusy = 5 };

static pthread_barrier_t both;
static void* volatile held;

static void* exec_it(void* unused) {
  void* volatile block = malloc(100);
  pthread_barrier_wait(&both);
  live_keep(block);
  execl("/bin/true", "true", (char*)NULL);
  return unused;
}

static void* be_busy(void* unused) {
  for (;;) {
    void* block = malloc(100);
    live_keep(block);
    free(block);
  }
  return unused;
}

int main(void) {
  pthread_t thread;
  held = malloc(150);
  pthread_barrier_init(&both, NULL, 2);
  for (int i = 0; i < kBusy; ++i)
    if (pthread_create(&thread, NULL, be_busy, NULL) != 0) return 1;
  if (pthread_create(&thread, NULL, exec_it, NULL) != 0) return 1;
  pthread_barrier_wait(&both);
  _exit(0);
}

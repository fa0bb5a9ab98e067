// SPDX-License-Identifier: Apache-2.0
// Two threads end the process at about the same time, the main thread so many microseconds later.
// truth: no leak; 100 and 200 bytes that their threads still point at
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

static pthread_barrier_t both;

static void* end_it(void* unused) {
  void* volatile block = malloc(100);
  pthread_barrier_wait(&both);
  live_keep(block);
  _exit(0);
  return unused;
}

int main(int argc, char** argv) {
  void* volatile block = malloc(200);
  pthread_t thread;
  pthread_barrier_init(&both, NULL, 2);
  pthread_create(&thread, NULL, end_it, NULL);
  pthread_barrier_wait(&both);
  if (argc > 1) usleep((useconds_t)atoi(argv[1]));
  live_keep(block);
  _exit(0);
}

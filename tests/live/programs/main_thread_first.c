// SPDX-License-Identifier: Apache-2.0
// The main thread ends by pthread_exit; another thread goes on allocating and ends the process.
// truth: 2 blocks, 381 bytes (190 by main, 191 by the thread after main was gone); exit status 9
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common.h"

static pthread_t main_thread;

static void* outlive(void* unused) {
  (void)unused;
  pthread_join(main_thread, NULL);
  live_keep(malloc(191));
  exit(9);
}

int main(void) {
  live_keep(malloc(190));
  main_thread = pthread_self();
  pthread_t thread;
  if (pthread_create(&thread, NULL, outlive, NULL) != 0) return 1;
  pthread_exit(NULL);
}

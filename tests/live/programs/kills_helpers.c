// SPDX-License-Identifier: Apache-2.0
// What a test runner does with its helpers: each allocates, is told to end by exit, and is killed while it
// ends; some have a thread that outlives their main thread. All of them are waited for.
// truth: nothing lost; exit status 0
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static void* kept[64];

static void* end_process(void* unused) {
  (void)unused;
  usleep(2000);
  exit(0);
}

static void help(int number) {
  for (int i = 0; i < 64; ++i)
    kept[i] = malloc(1000);
  if (number % 4 != 0) exit(0);
  pthread_t thread;
  if (pthread_create(&thread, NULL, end_process, NULL) != 0) exit(1);
  pthread_exit(NULL);
}

int main(void) {
  for (int i = 0; i < 60; ++i) {
    const pid_t helper = fork();
    if (helper < 0) return 1;
    if (helper == 0) help(i);
    usleep((useconds_t)(i * 100));
    kill(helper, SIGTERM);
    if (waitpid(helper, NULL, 0) != helper) return 2;
  }
  return 0;
}

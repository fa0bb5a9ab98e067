// SPDX-License-Identifier: Apache-2.0
// Two threads end the process at about the same time, the main thread so many microseconds later; or, with
// "handler", a signal handler ends it while it ends.
// truth: no leak; 100 and 200 bytes that their threads still point at; or 20000 blocks in a list
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
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

static void end_in_handler(int number) {
  _exit(number == SIGALRM ? 0 : 1);
}

static void** list;

static void end_with_handler(void) {
  const struct itimerval often = {{0, 100}, {0, 100}};
  for (int i = 0; i < 20000; ++i) {  // to be looked at takes longer than the handler to come
    void** const block = malloc(500);
    *block = list;
    list = block;
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = end_in_handler;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  _exit(0);
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "handler") == 0) end_with_handler();
  void* volatile block = malloc(200);
  pthread_t thread;
  pthread_barrier_init(&both, NULL, 2);
  pthread_create(&thread, NULL, end_it, NULL);
  pthread_barrier_wait(&both);
  if (argc > 1) usleep((useconds_t)atoi(argv[1]));
  live_keep(block);
  _exit(0);
}

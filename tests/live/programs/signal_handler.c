// SPDX-License-Identifier: Apache-2.0
// A signal handler that allocates while the main program runs (not while it is inside malloc: signals are
// blocked there).
// truth: 100 blocks, 6400 bytes from the handler; main's own 100000 blocks are all freed
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

static volatile sig_atomic_t taken = 0;

static void allocate(int number) {
  (void)number;
  live_keep(malloc(64));
  taken = taken + 1;
}

int main(void) {
  struct sigaction action = {0};
  action.sa_handler = allocate;
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGUSR1);
  if (sigaction(SIGUSR1, &action, NULL) != 0) return 1;
  sigprocmask(SIG_BLOCK, &only, NULL);
  for (int round = 0; round < 100000; ++round) {
    free(malloc(48));
    if (round % 1000 != 0) continue;
    kill(getpid(), SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    sigprocmask(SIG_BLOCK, &only, NULL);
  }
  return taken == 100 ? 0 : 2;
}

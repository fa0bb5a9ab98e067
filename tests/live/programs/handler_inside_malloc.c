// SPDX-License-Identifier: Apache-2.0
// A signal handler that allocates while main is, as often as not, inside an allocation function: the C family
// here is the program's own, safe against being interrupted, and raises the signal itself in the middle of
// every tenth call. Once on the stack of the interrupted call, once (with an argument) on an alternate one.
// truth: 100 blocks of 64 bytes from the handler, 10 blocks of 48 bytes from main
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static _Alignas(16) char area[1 << 20];
static size_t used;
static int armed;
static volatile sig_atomic_t taken;

LIVE_NOINLINE void* malloc(size_t size) {
  char* block = area + used;
  used += (size + 15) & ~(size_t)15;
  if (armed) {
    armed = 0;
    raise(SIGUSR1);
  }
  return block;
}

LIVE_NOINLINE void free(void* block) {
  live_keep(block);
}

LIVE_NOINLINE static void drop_in_handler(void) {
  live_keep(malloc(64));
}

static void handle(int number) {
  (void)number;
  drop_in_handler();
  void* block = malloc(63);
  live_keep(block);
  free(block);
  taken = taken + 1;
}

int main(int argc, char** argv) {
  static char alternate[65536];
  (void)argv;
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  if (argc > 1 && sigaltstack(&stack, NULL) != 0) return 1;
  struct sigaction action = {0};
  action.sa_handler = handle;
  if (argc > 1) action.sa_flags = SA_ONSTACK;
  if (sigaction(SIGUSR1, &action, NULL) != 0) return 1;
  for (int round = 0; round < 1000; ++round) {
    armed = round % 10 == 0;
    void* block = malloc(48);
    live_keep(block);
    if (round >= 10) free(block);
  }
  return taken == 100 ? 0 : 2;
}

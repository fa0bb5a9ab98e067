// SPDX-License-Identifier: Apache-2.0
// clone without libc's help: a child that shares the heap and ends by itself, and one with a copy of it.
// truth: command: 230 (by the child that shares its heap) and 231 (its own); the child with a copy: 232
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static int in_the_same_heap(void* argument) {
  (void)argument;
  live_keep(malloc(230));
  void* block = malloc(229);
  live_keep(block);
  free(block);
  return 0;
}

static int in_a_copy(void* argument) {
  free(argument);
  live_keep(malloc(232));
  return 0;
}

int main(void) {
  static _Alignas(16) char stack[2][65536];
  void* block = malloc(231);
  live_keep(block);
  int status = 0;
  pid_t child = clone(in_the_same_heap, stack[0] + sizeof stack[0], CLONE_VM | SIGCHLD, NULL);
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 1;
  child = clone(in_a_copy, stack[1] + sizeof stack[1], SIGCHLD, block);
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 2;
  return 0;
}

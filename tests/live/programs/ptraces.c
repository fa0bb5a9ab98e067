// SPDX-License-Identifier: Apache-2.0
// A program that is itself a tracer, as sanitizers, sandboxes and death-test helpers are: it traces a child
// of its own through an allocation, step by step at the end, and reads its registers and memory.
// truth: command 240, child 241; prints what it saw
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static volatile long marker = 0x1ea4;

int main(void) {
  live_keep(malloc(240));
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(10);
    raise(SIGSTOP);
    live_keep(malloc(241));
    for (int round = 0; round < 100; ++round)
      free(malloc(20));
    raise(SIGTRAP);
    _exit(7);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 1;
  errno = 0;
  const long seen = ptrace(PTRACE_PEEKDATA, child, (void*)&marker, NULL);
  struct user_regs_struct registers;
  if (errno != 0 || ptrace(PTRACE_GETREGS, child, NULL, &registers) != 0) return 2;
  printf("stopped by %d, marker %lx, has a stack: %d\n", WSTOPSIG(status), seen, registers.rsp != 0);
  if (ptrace(PTRACE_CONT, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child) return 3;
  printf("stopped by %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
  int steps = 0;
  for (; steps < 200; ++steps) {
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child) return 4;
    if (!WIFSTOPPED(status)) break;
  }
  if (WIFSTOPPED(status) &&
      (ptrace(PTRACE_CONT, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child))
    return 5;
  printf("child exited with %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 0;
}

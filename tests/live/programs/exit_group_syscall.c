// SPDX-License-Identifier: Apache-2.0
// The exit_group system call made directly, past every function of libc.
// truth: 1 block, 170 bytes; exit status 8
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"

int main(void) {
  live_keep(malloc(170));
  syscall(SYS_exit_group, 8);
  return 1;
}

// SPDX-License-Identifier: Apache-2.0
// Forks twice and goes into the background, as daemons do; the daemon outlives the command, leaks and ends
// by itself.
// truth: command 1 block, 200 bytes; session leader in between nothing; daemon 1 block, 201 bytes
// truth: with an argument FILE the daemon creates FILE at its very end
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char** argv) {
  live_keep(malloc(200));
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child > 0) {
    int status = 0;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : 2;
  }
  setsid();
  const pid_t daemon_pid = fork();
  if (daemon_pid < 0) _exit(3);
  if (daemon_pid > 0) _exit(0);
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  close(STDERR_FILENO);
  const struct timespec half_a_second = {0, 500000000};
  nanosleep(&half_a_second, NULL);
  live_keep(malloc(201));
  if (argc > 1 && open(argv[1], O_CREAT | O_WRONLY, 0644) < 0) _exit(4);
  exit(0);
}

// SPDX-License-Identifier: Apache-2.0
// Says "ready", waits until the file GO exists, starts 500 children one after the other, and creates the file
// DONE: for tests that need many processes at a moment of their choosing.
//   live_sleeps_then_forks GO DONE
// truth: nothing
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
  const struct timespec moment = {0, 5000000};
  while (access(argv[1], F_OK) != 0) {
    nanosleep(&moment, NULL);
  }
  for (int number = 0; number < 500; ++number) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) _exit(0);
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
  }
  return open(argv[2], O_CREAT | O_WRONLY | O_CLOEXEC, 0644) < 0;
}

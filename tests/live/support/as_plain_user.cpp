// SPDX-License-Identifier: Apache-2.0
// as_plain_user COMMAND [ARGS...]: runs a command with no more rights than a container has by default, and
// with the variables that point at the caller's own folders left out. Root becomes the owner of the command's
// file, who can read what stands beside it, or nobody. Status: the command's; 96 to 98 where the limits could
// not be set, 127 where it could not be started.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include "tests/live/support/plain_user.h"

int main(int argc, char** argv) {
  if (argc < 2) return 125;
  for (const char* name : {"HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR"})
    ::unsetenv(name);
  struct stat command {};
  const bool owned = ::stat(argv[1], &command) == 0 && command.st_uid != 0;
  leakgate::live::become_plain_user(owned ? command.st_uid : leakgate::live::kNobody);
  ::execvp(argv[1], argv + 1);
  std::perror(argv[1]);
  return 127;
}

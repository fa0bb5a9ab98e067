// SPDX-License-Identifier: Apache-2.0
// Maps its own file's code some thousand times, more often than a process's table of mappings holds, and
// loads a library, upon which its mappings are read again.
// truth: stacks through what the table does not hold cannot be walked: the run is incomplete
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common.h"

int main(int argc, char** argv) {
  const long wanted = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
  const int self = open("/proc/self/exe", O_RDONLY);
  // the same page again and again: neighbours are not joined, as their offsets do not follow on each other
  for (long i = 0; i < wanted; ++i)
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, self, 0) == MAP_FAILED) return 1;
  if (dlopen(LIVE_PLUGIN, RTLD_NOW) == NULL) return 2;
  live_keep(malloc(100));
  return 0;
}

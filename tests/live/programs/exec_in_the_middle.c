// SPDX-License-Identifier: Apache-2.0
// Leaks, then replaces itself by exec; the new image leaks something else under the same pid.
// truth: 1 block, 131 bytes after exec; the 130 bytes before went with the old image
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char** argv) {
  if (argc > 1) {
    live_keep(malloc(131));
    return 0;
  }
  live_keep(malloc(130));
  execl("/proc/self/exe", argv[0], "again", (char*)NULL);
  return 1;
}

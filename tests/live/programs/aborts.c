// SPDX-License-Identifier: Apache-2.0
// abort.
// truth: 1 block, 180 bytes; killed by SIGABRT
#include <stdlib.h>

#include "common.h"

int main(void) {
  live_keep(malloc(180));
  abort();
}

// SPDX-License-Identifier: Apache-2.0
// Holds one instance of a library that keeps its data in front of it, and forgets another one.
// truth: 48 + 104 bytes still reachable, 48 + 105 definitely lost, 106 of the program's own possibly lost
#include "inner_pointers.h"

#include <stdlib.h>

#include "common.h"

static void* volatile kept;
static char* volatile inside;

int main(void) {
  kept = instance_new(104);
  live_keep(instance_new(105));
  inside = (char*)malloc(106) + 8;
  return 0;
}

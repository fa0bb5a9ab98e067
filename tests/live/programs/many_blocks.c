// SPDX-License-Identifier: Apache-2.0
// A list of a million blocks: 32 MB for the program, and more for who looks at them.
// truth: 1,000,000 blocks, 24 bytes each, still reachable
#include <stdlib.h>

#include "common.h"

struct node {
  struct node* next;
  char rest[16];
};

static struct node* volatile first;

int main(void) {
  for (int number = 0; number < 1000000; ++number) {
    struct node* const node = malloc(sizeof *node);
    if (!node) return 1;
    node->next = first;
    first = node;
  }
  return 0;
}

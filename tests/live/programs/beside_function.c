// SPDX-License-Identifier: Apache-2.0
// The only pointer to a block stands on the stack right below the address of a function, as in a callback and
// what it is called with.
// truth: 1 block, 152 bytes, still reachable
#include <stdlib.h>

#include "common.h"

struct Callback {
  void* context;
  void (*call)(void*);
};

static LIVE_NOINLINE void end(struct Callback* callback) {
  live_keep(callback);
  exit(0);
}

int main(void) {
  struct Callback callback = {malloc(152), free};
  end(&callback);
}

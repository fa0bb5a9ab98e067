// SPDX-License-Identifier: Apache-2.0
// The canary: loses one block, frees another, ends. Runs in the target's namespace with the C library that
// the target gets, so its allocations meet the very probes that the target's meet. With a number as argument
// it measures first what so many pairs take.
#include <stdlib.h>
#include <time.h>

#include "harness/base/canary_blocks.h"

static __attribute__((noinline)) void use_blocks(void) {
  // never two at a time: --max-live-blocks 1 leaves room for one
  char* volatile freed = malloc(LEAKGATE_CANARY_FREED_BYTES);
  free(freed);
  freed = NULL;
  char* volatile lost = malloc(LEAKGATE_CANARY_LOST_BYTES);
  if (lost != NULL) lost[0] = 1;
  lost = NULL;
}

static long long processor_ns(void) {
  struct timespec time = {0, 0};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* See canary_blocks.h. */
static int to_status(long long ns) {
  int octave = 0;
  if (ns < 1) ns = 1;
  while (ns >> (octave + 1))
    ++octave;
  const long long step = ns * LEAKGATE_CANARY_STEPS / (1LL << octave) - LEAKGATE_CANARY_STEPS;
  const long long status = 1 + (long long)octave * LEAKGATE_CANARY_STEPS + step;
  return status > 255 ? 255 : (int)status;
}

static int measure(long pairs) {
  const long long begin = processor_ns();
  for (long i = 0; i < pairs; ++i) {
    void* volatile block = malloc(64);
    free(block);
  }
  return to_status((processor_ns() - begin) / pairs);
}

int main(int argc, char** argv) {
  const long pairs = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
  const int status = pairs > 0 ? measure(pairs) : 0;
  use_blocks();
  return status;
}

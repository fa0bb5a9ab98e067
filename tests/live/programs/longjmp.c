// SPDX-License-Identifier: Apache-2.0
// longjmp over frames that hold the only pointers to their blocks, also out of a qsort comparison.
// truth: 2 blocks, 301 bytes
#include <setjmp.h>
#include <stdlib.h>

#include "common.h"

static jmp_buf back;

static LIVE_NOINLINE void jump_away(void) {
  void* block = malloc(150);
  live_keep(block);
  longjmp(back, 1);
}

static int compare_and_jump(const void* left, const void* right) {
  live_keep(left);
  live_keep(right);
  void* block = malloc(151);
  live_keep(block);
  longjmp(back, 2);
}

int main(void) {
  // qsort sorts these in place on its stack, so that no block of its own is lost.
  int numbers[] = {3, 2, 1};
  switch (setjmp(back)) {
    case 0:
      jump_away();
      break;
    case 1:
      qsort(numbers, 3, sizeof numbers[0], compare_and_jump);
      break;
    default:
      return 0;
  }
  return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The C header, in C. */
#include <leakgate/leakgate.h>

int main(void) {
  return 0;
}

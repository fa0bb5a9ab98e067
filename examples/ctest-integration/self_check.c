/* SPDX-License-Identifier: Apache-2.0 */
/* A program that checks itself, and gives back all it takes. */
#include <stdlib.h>
#include <string.h>

int main(void) {
  char* copy = strdup("checked");
  const int ok = copy != NULL && strcmp(copy, "checked") == 0;
  free(copy);
  return ok ? 0 : 1;
}

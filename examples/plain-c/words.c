// SPDX-License-Identifier: Apache-2.0
// A C program that tests itself with assert, as many do. It passes, and it leaks: take_word forgets nothing,
// but one of its callers does. A comment that begins with "LEAK:" is read by the tests of leakgate itself.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/// A copy of the first word of `line`; the caller frees it.
static char* take_word(const char* line) {
  const size_t length = strcspn(line, " ");
  // LEAK: 8 bytes in 1 block; test example_plain_c; function take_word
  char* word = malloc(length + 1);
  assert(word != NULL);
  memcpy(word, line, length);
  word[length] = '\0';
  return word;
}

static void test_first_word(void) {
  char* word = take_word("one two three");
  assert(strcmp(word, "one") == 0);
  free(word);
}

static void test_single_word(void) {
  char* word = take_word("several");
  assert(strlen(word) == 7);
}

static void test_empty_line(void) {
  char* word = take_word("");
  assert(word[0] == '\0');
  free(word);
}

int main(void) {
  test_first_word();
  test_single_word();
  test_empty_line();
  return 0;
}

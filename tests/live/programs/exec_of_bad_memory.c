// SPDX-License-Identifier: Apache-2.0
// Environments that are not there, in part or at all: exec fails with EFAULT, and the program goes on. At
// last one that ends with the last byte of its memory is taken. truth: nothing leaks.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void try_with(const char* what, char** argv, char** environment) {
  char* const command[] = {argv[0], (char*)"executed", NULL};
  execve("/proc/self/exe", command, environment);
  printf("%s: %s\n", what, strerror(errno));
  fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc > 1) {
    printf("executed with %s\n", getenv("LAST"));
    return 0;
  }
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char* const memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || munmap(memory + page, page) != 0) return 1;
  char* const end = memory + page;

  try_with("nothing", argv, (char**)1);
  try_with("no address", argv, (char**)-8);
  char* bad[] = {(char*)"A=1", (char*)1, NULL};
  try_with("no text", argv, bad);
  memcpy(end - 4, "LAST", 4);
  char* open[] = {end - 4, NULL};
  try_with("no end of a text", argv, open);
  char** const list = (char**)end - 1;
  *list = (char*)"B=1";
  try_with("no end", argv, list);

  memcpy(end - 8, "LAST=ok", 8);
  char* whole[] = {end - 8, NULL};
  try_with("whole", argv, whole);
  return 2;
}

// SPDX-License-Identifier: Apache-2.0
// Two plug-ins one after the other in one address range, each with a leak; the first is unloaded before the
// second is loaded. Then code in no file, with a frame pointer, calls malloc. Arguments: the plug-ins. Status
// 4 when the range was not the same.
// truth: 330 bytes in plug-in 1, 331 in plug-in 2, 332 below code that is in no file
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common.h"

typedef void (*Leak)(void);

static Leak load(const char* path, void** handle) {
  *handle = dlopen(path, RTLD_NOW);
  if (*handle == NULL) exit(1);
  void* symbol = dlsym(*handle, "same_range_leak");
  if (symbol == NULL) exit(2);
  Leak leak;
  memcpy(&leak, &symbol, sizeof leak);
  return leak;
}

LIVE_NOINLINE static void leak_below_made_code(void) {
  live_keep(malloc(332));
}

/* push rbp; mov rbp, rsp; call rdi; pop rbp; ret */
static const unsigned char kCode[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};

LIVE_NOINLINE static void call_through_made_code(void) {
  void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) exit(3);
  memcpy(page, kCode, sizeof kCode);
  if (mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0) exit(3);
  void (*call)(Leak);
  memcpy(&call, &page, sizeof call);
  call(leak_below_made_code);
  live_keep(page);
}

int main(int argc, char** argv) {
  if (argc < 3) return 5;
  void* handle;
  Leak leak = load(argv[1], &handle);
  const uintptr_t first = (uintptr_t)leak;
  leak();
  if (dlclose(handle) != 0) return 6;
  leak = load(argv[2], &handle);
  leak();
  const uintptr_t second = (uintptr_t)leak;
  if (dlclose(handle) != 0) return 6;
  call_through_made_code();
  return first >> 12 == second >> 12 ? 0 : 4;
}

// SPDX-License-Identifier: Apache-2.0
// The least that a preloaded library can do which knows where each live block comes from: it reads 24 words
// of the stack, the clock, and keeps 32 bytes for a block, in a table that the block's address leads to at
// once. No library that works can do with so little: blocks whose places collide are lost, nothing is safe
// between threads, nothing is counted, no stack is named.
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

enum { kTableBits = 18, kWords = 24 };

struct entry {
  uint64_t address, size, stack, time;
};

extern void* __libc_malloc(size_t size);
extern void __libc_free(void* block);

static struct entry* table;
static __thread uint64_t known[kWords] __attribute__((tls_model("initial-exec")));

static struct entry* entry_of(const void* block) {
  return table + (((uintptr_t)block >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - kTableBits));
}

__attribute__((constructor)) static void make_table(void) {
  void* const memory = mmap(NULL, sizeof(struct entry) << kTableBits, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) table = memory;
}

__attribute__((visibility("default"))) void* malloc(size_t size) {
  void* const block = __libc_malloc(size);
  if (block == NULL || table == NULL) return block;
  const uint64_t* const frame = __builtin_frame_address(0);
  uint64_t differs = 0;
  for (int i = 0; i < kWords; ++i)
    differs |= frame[i * 2] ^ known[i];
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  *entry_of(block) = (struct entry){(uintptr_t)block, size, differs, (uint64_t)now.tv_nsec};
  return block;
}

__attribute__((visibility("default"))) void free(void* block) {
  if (block != NULL && table != NULL && entry_of(block)->address == (uintptr_t)block)
    entry_of(block)->address = 0;
  __libc_free(block);
}

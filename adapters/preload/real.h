// SPDX-License-Identifier: Apache-2.0
// The functions underneath: those that the program would call without the preloaded library.
#pragma once

#include "adapters/preload/state.h"

namespace leakgate::preload {

/// Those that glibc has second names for: __libc_malloc and so on.
struct LibcFamily {
  void* (*malloc)(u64);
  void* (*calloc)(u64, u64);
  void* (*realloc)(void*, u64);
  void* (*memalign)(u64, u64);
  void* (*valloc)(u64);
  void* (*pvalloc)(u64);
  void (*free)(void*);
};

struct Real {
  void* (*malloc)(u64);
  void* (*calloc)(u64, u64);
  void* (*realloc)(void*, u64);
  void* (*reallocarray)(void*, u64, u64);
  void* (*aligned_alloc)(u64, u64);
  void* (*memalign)(u64, u64);
  int (*posix_memalign)(void**, u64, u64);
  void* (*valloc)(u64);
  void* (*pvalloc)(u64);
  void (*free)(void*);
  LibcFamily libc;
  int (*sigaltstack)(const void*, void*);
  int (*mprotect)(void*, u64, int);
  int (*mlockall)(int);
  int (*prlimit)(int, int, const void*, void*);
  void* register_atfork;
  void* clock_gettime;
  int (*fork)();  ///< _Fork; nullptr: this C library has none
  int (*execve)(const char*, char* const*, char* const*);
  int (*execvpe)(const char*, char* const*, char* const*);
  int (*execveat)(int, const char*, char* const*, char* const*, int);
  int (*fexecve)(int, char* const*, char* const*);
  int (*posix_spawn)(int*, const char*, const void*, const void*, char* const*, char* const*);
  int (*posix_spawnp)(int*, const char*, const void*, const void*, char* const*, char* const*);
  u32 found;   ///< 1: all of it was looked up
  u32 finder;  ///< thread that is looking it up
};

extern Real real;

/// Looks everything up, once. False: this very thread is doing that, and the call is the dynamic linker's
/// own.
bool find_real_slowly();
inline bool find_real() {
  return LG_LIKELY(load(real.found)) || find_real_slowly();
}

/// Memory for the dynamic linker while it looks things up; never given back.
void* early_block(u64 bytes, u64 alignment);
inline constexpr u64 kEarlyBytes = 64 << 10;
extern u8 early_blocks[kEarlyBytes];
inline bool is_early_block(const void* block) {
  return static_cast<u64>(word(block) - word(early_blocks)) < kEarlyBytes;
}
u64 early_block_bytes(const void* block);

}  // namespace leakgate::preload

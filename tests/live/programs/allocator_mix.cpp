// SPDX-License-Identifier: Apache-2.0
// Every way to allocate that C++ has, once dropped and many times given back, for whichever allocator it is
// linked with.
// truth: 13 blocks: new 140, new[] 1000, nothrow new 150, aligned new 128 and 192, large new 3000000, malloc 77,
// truth: calloc 3*7, realloc 33->55, aligned_alloc 256, posix_memalign 88, strdup 12, after a throwing new 78
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "common.h"

namespace {

struct alignas(64) Wide {
  char bytes[128];
};

LIVE_NOINLINE void drop_by_new() {
  live_keep(::operator new(140));
}
LIVE_NOINLINE void drop_by_new_array() {
  live_keep(new char[1000]);
}
LIVE_NOINLINE void drop_by_nothrow_new() {
  live_keep(::operator new(150, std::nothrow));
}
LIVE_NOINLINE void drop_by_aligned_new() {
  live_keep(new Wide);
  live_keep(::operator new(192, std::align_val_t(64), std::nothrow));
}
LIVE_NOINLINE void drop_by_large_new() {
  live_keep(::operator new(3000000));
}
LIVE_NOINLINE void drop_by_malloc() {
  live_keep(std::malloc(77));
  live_keep(std::calloc(3, 7));
  void* grown = std::malloc(33);
  grown = std::realloc(grown, 55);
  live_keep(grown);
  live_keep(std::aligned_alloc(64, 256));
  void* aligned = nullptr;
  if (posix_memalign(&aligned, 32, 88) != 0) std::abort();
  live_keep(aligned);
}
LIVE_NOINLINE void drop_by_strdup() {
  live_keep(strdup("twelve chars"));
}

/// Each form of new with each form of delete that fits.
LIVE_NOINLINE void give_back() {
  int* numbers = new int[10];
  live_keep(numbers);
  delete[] numbers;
  Wide* wide = new Wide;
  live_keep(wide);
  delete wide;
  std::string text(100, 'x');
  live_keep(text.data());
  const auto owned = std::make_unique<long>(1);
  live_keep(owned.get());
  void* block = ::operator new(33);
  live_keep(block);
  ::operator delete(block, 33);
  block = ::operator new(34, std::nothrow);
  live_keep(block);
  ::operator delete(block, std::nothrow);
  block = ::operator new[](35);
  live_keep(block);
  ::operator delete[](block);
  block = ::operator new(64, std::align_val_t(32));
  live_keep(block);
  ::operator delete(block, 64, std::align_val_t(32));
  std::free(std::malloc(36));
}

/// The exception passes through the operator itself; what follows must be seen as before.
LIVE_NOINLINE bool throws() {
  try {
    live_keep(::operator new(live_opaque(static_cast<std::size_t>(-1) / 4)));
  } catch (const std::bad_alloc&) {
    live_keep(std::malloc(78));
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char**) {
  for (int round = 0; round < 500; ++round)
    give_back();
  drop_by_new();
  drop_by_new_array();
  drop_by_nothrow_new();
  drop_by_aligned_new();
  drop_by_large_new();
  drop_by_malloc();
  drop_by_strdup();
  // mimalloc, built as C, cannot throw: it ends the program
  return argc > 1 || throws() ? 0 : 3;
}

// SPDX-License-Identifier: Apache-2.0
// What the compiler calls without being asked. Our own, since the program's may be a sanitizer's, or not be
// there yet.
#include "adapters/preload/system.h"

extern "C" {

__attribute__((visibility("hidden"))) void* memcpy(void* to, const void* from, std::size_t bytes) {
  leakgate::preload::copy_bytes(to, from, bytes);
  return to;
}

__attribute__((visibility("hidden"))) void* memset(void* to, int value, std::size_t bytes) {
  auto* at = static_cast<unsigned char*>(to);
  asm volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(value) : "memory");
  return to;
}
}

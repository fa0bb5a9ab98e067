// SPDX-License-Identifier: Apache-2.0
// For sanitizer builds: allocates with all forms, throws through operator new's callers, reads what it wrote,
// starts a thread; with "bug" as argument it makes one error that the sanitizer it is built with must still
// report.
// truth: 2 blocks: new 260, malloc 261 (a sanitizer's own are not counted)
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

#include "common.h"

namespace {

[[maybe_unused]] int shared = 0;

LIVE_NOINLINE void throws(int depth) {
  const std::string text(100, 'x');
  live_keep(text.data());
  if (depth == 0) throw std::runtime_error(text);
  throws(depth - 1);
}

LIVE_NOINLINE void drops() {
  live_keep(::operator new(260));
  live_keep(std::malloc(261));
}

LIVE_NOINLINE int makes_an_error() {
#if defined(__SANITIZE_ADDRESS__)
  char* volatile gone = static_cast<char*>(std::malloc(10));
  std::free(gone);
  return gone[3];
#elif defined(__SANITIZE_THREAD__)
  std::thread other([] { ++shared; });
  ++shared;
  other.join();
  return shared;
#else
  volatile int most = 0x7fffffff;
  return most + 1;
#endif
}

}  // namespace

int main(int argc, char**) {
  for (int round = 0; round < 100; ++round) {
    try {
      throws(5);
    } catch (const std::runtime_error& error) {
      if (std::strlen(error.what()) != 100) return 2;
    }
    std::free(std::realloc(std::malloc(20), 40));
  }
  std::thread worker([] { delete[] new int[50]; });
  worker.join();
  drops();
  std::puts("worked");
  std::fflush(stdout);
  return argc > 1 && makes_an_error() == 12345 ? 4 : 3;
}

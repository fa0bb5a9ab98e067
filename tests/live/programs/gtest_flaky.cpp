// SPDX-License-Identifier: Apache-2.0
// Tests that leak each time, in the first run alone, and never. What runs there were is kept in the file that
// LIVE_RUNS names: one byte for each.
// truth: Leak.Always loses 96 bytes in each run, Leak.AtFirst 97 bytes in the first one
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "common.h"

namespace {

/// How many runs there were before this one, which is added to them.
long runs_before() {
  const char* path = std::getenv("LIVE_RUNS");
  std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "a");
  if (file == nullptr) return 0;
  const long before = std::ftell(file);
  std::fputc('x', file);
  std::fclose(file);
  return before;
}

}  // namespace

TEST(Leak, Always) {
  live_keep(std::malloc(live_opaque(96)));
}

TEST(Leak, AtFirst) {
  std::puts("a test of its own says this");
  if (runs_before() == 0) live_keep(std::malloc(live_opaque(97)));
}

TEST(Leak, Never) {
  std::free(std::malloc(live_opaque(98)));
}

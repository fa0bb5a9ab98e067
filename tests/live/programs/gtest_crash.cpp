// SPDX-License-Identifier: Apache-2.0
// GoogleTest: the second test crashes; the third never runs.
// truth: Crash.LeaksBefore 1 block, 260 bytes; Crash.Crashes 1 block, 261 bytes; killed by SIGSEGV
#include <gtest/gtest.h>

#include <cstdlib>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::malloc(bytes));
}

TEST(Crash, LeaksBefore) {
  leak(260);
}

TEST(Crash, Crashes) {
  leak(261);
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}

TEST(Crash, NeverRuns) {
  leak(262);
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// Three threads that ask at once, ten times each, while four others are busy; with "scopes" one that asks
// forty times, while two others open and close scopes. Prints how many questions were answered with a leak,
// and how many could not be answered.
// truth: 30 or 40 blocks of 48 bytes, in scopes
#include <leakgate/scope.hpp>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::calloc(1, bytes));
}

std::atomic<bool> stop{false};
std::atomic<int> told{0}, unknown{0};

void work() {
  while (!stop)
    std::free(std::malloc(32));
}

void open_and_close() {
  while (!stop) {
    const leakgate::Scope outer("outer");
    const leakgate::Scope inner("inner");
  }
}

void ask(int times) {
  for (int i = 0; i < times; ++i) {
    const leakgate::Scope scope("asker");
    leakgate::detail::call([] { leak(48); });
    const leakgate::Result result = scope.check();
    told += result.leaks() ? 1 : 0;
    unknown += result.unknown() ? 1 : 0;
  }
}

}  // namespace

int main(int argc, char**) {
  const bool scopes = argc > 1;
  std::vector<std::thread> others, askers;
  for (int i = 0; i < (scopes ? 2 : 4); ++i)
    others.emplace_back(scopes ? open_and_close : work);
  for (int i = 0; i < (scopes ? 1 : 3); ++i)
    askers.emplace_back(ask, scopes ? 40 : 10);
  for (std::thread& asker : askers)
    asker.join();
  stop = true;
  for (std::thread& other : others)
    other.join();
  std::printf("told %d, unknown %d\n", told.load(), unknown.load());
}

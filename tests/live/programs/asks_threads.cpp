// SPDX-License-Identifier: Apache-2.0
// Three threads that ask at once, ten times each, while four others are busy. Prints how many questions were
// answered with a leak, and how many could not be answered.
// truth: 30 blocks of 48 bytes, in scopes
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

void ask() {
  for (int i = 0; i < 10; ++i) {
    const leakgate::Scope scope("asker");
    leakgate::detail::call([] { leak(48); });
    const leakgate::Result result = scope.check();
    told += result.leaks() ? 1 : 0;
    unknown += result.unknown() ? 1 : 0;
  }
}

}  // namespace

int main() {
  std::vector<std::thread> workers, askers;
  for (int i = 0; i < 4; ++i)
    workers.emplace_back(work);
  for (int i = 0; i < 3; ++i)
    askers.emplace_back(ask);
  for (std::thread& asker : askers)
    asker.join();
  stop = true;
  for (std::thread& worker : workers)
    worker.join();
  std::printf("told %d, unknown %d\n", told.load(), unknown.load());
}

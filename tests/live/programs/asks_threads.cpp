// SPDX-License-Identifier: Apache-2.0
// Three threads that ask at once, ten times each, while four others are busy; with "scopes" one that asks
// forty times, while two others open and close scopes; with "later" one that was started in an earlier test.
// Prints how many questions were answered with a leak, and how many could not be answered.
// truth: 30, 40 or 1 blocks of 48 bytes, in scopes; with "later" one of 100 in the earlier test
#include <leakgate/leakgate.h>
#include <leakgate/scope.hpp>

#include <atomic>
#include <cstdio>
#include <cstring>
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

void ask_in_a_later_test() {
  const char* const names[] = {"first", "second"};
  leakgate_result result{};
  std::atomic<bool> go{false};
  leakgate_test_start(names[0], "Own", names[0], __FILE__, __LINE__, LEAKGATE_GTEST);
  std::thread worker([&go] {
    while (!go)
      std::this_thread::yield();
    ask(1);
    leakgate::detail::call([] { leak(100); });
  });
  leakgate_test_end(names[0], 0, 0, &result);
  leakgate_test_start(names[1], "Own", names[1], __FILE__, __LINE__, LEAKGATE_GTEST);
  go = true;
  worker.join();
  leakgate_test_end(names[1], 0, 0, &result);
}

}  // namespace

int main(int argc, char** argv) {
  const bool scopes = argc > 1;
  if (scopes && std::strcmp(argv[1], "later") == 0) {
    ask_in_a_later_test();
    std::printf("told %d, unknown %d\n", told.load(), unknown.load());
    return 0;
  }
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

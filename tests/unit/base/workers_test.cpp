// SPDX-License-Identifier: Apache-2.0
// Every share of the work is done, with threads and without.
#include "harness/base/workers.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <stdexcept>

namespace leakgate {
namespace {

/// While it lives no thread can be had: each would want a stack that no address space has room for.
class NoThreads {
 public:
  NoThreads() {
    pthread_attr_t huge;
    pthread_getattr_default_np(&before_);
    pthread_getattr_default_np(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 47U);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

void expect_each_once() {
  std::array<std::atomic<int>, 5> calls{};
  run_workers(calls.size(), [&](unsigned worker) { ++calls.at(worker); });
  for (const auto& each : calls)
    EXPECT_EQ(each, 1);
}

TEST(Workers, EachShareIsDoneOnce) {
  expect_each_once();
  run_workers(0, [](unsigned) { FAIL(); });
}

TEST(Workers, EachShareIsDoneOnceWhereNoThreadCanBeHad) {
  const NoThreads none;
  pthread_t thread;
  ASSERT_NE(pthread_create(
                &thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr),
            0);
  expect_each_once();
}

TEST(Workers, WhatOneThrowsIsThrownOnceAllHaveEnded) {
  for (unsigned thrower = 0; thrower < 4; ++thrower) {
    std::atomic<int> ended = 0;
    const auto work = [&](unsigned worker) {
      ++ended;
      if (worker == thrower) throw std::runtime_error("out of luck");
    };
    EXPECT_THROW(run_workers(4, work), std::runtime_error);
    EXPECT_EQ(ended, 4);
  }
}

}  // namespace
}  // namespace leakgate

// SPDX-License-Identifier: Apache-2.0
// A thread that is never joined: its handle is lost, and with it the way to take the thread's memory back.
// What the thread itself allocates counts for the test that started it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <thread>

namespace {

void* volatile last = nullptr;

void work() {
  // LEAK: 90 bytes in 1 block; test Thread.IsNeverJoined; function work
  last = std::malloc(90);
  last = nullptr;
}

TEST(Thread, IsNeverJoined) {
  std::promise<void> done;
  auto finished = done.get_future();
  const auto body = [&done] {
    work();
    done.set_value();
  };
  // LEAK: 8 bytes in 1 block; test Thread.IsNeverJoined; function TestBody
  new std::thread(body);
  finished.wait();
}

}  // namespace

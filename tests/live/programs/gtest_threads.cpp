// SPDX-License-Identifier: Apache-2.0
// GoogleTest: threads that outlive the test that started them, while another test runs.
// truth: Threads.Starts 2/351+352: its thread and that one's thread, both during Threads.LetsThemLeak; that
// truth: one 1/353, by itself; Threads.After 1/354 by a thread of its own (blocks/bytes)
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <thread>

#include "common.h"

namespace {

LIVE_NOINLINE void leak(std::size_t bytes) {
  live_keep(std::calloc(1, bytes));
}

std::promise<void>* go = nullptr;
std::thread* outliving = nullptr;

TEST(Threads, Starts) {
  go = new std::promise<void>;
  outliving = new std::thread([wait = go->get_future()] {
    wait.wait();
    leak(351);
    std::thread([] { leak(352); }).join();
  });
}

TEST(Threads, LetsThemLeak) {
  go->set_value();
  outliving->join();
  leak(353);
  delete outliving;
  delete go;
}

TEST(Threads, After) {
  std::thread([] { leak(354); }).join();
}

}  // namespace

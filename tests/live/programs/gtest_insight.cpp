// SPDX-License-Identifier: Apache-2.0
// Leaks that look different, for what is told of each beside its place.
// truth: each test of Insight but FreesOne loses what its name says; Failing.* fails, too
#include <dirent.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "common.h"

namespace {

LIVE_NOINLINE void* make_node(std::size_t size) {
  void* node = std::malloc(size);
  live_keep(node);
  return node;
}

LIVE_NOINLINE void drop_node(void* node) {
  std::free(node);
  live_keep(&node);  // so that the call is no jump
}

LIVE_NOINLINE void fail_to_parse() {
  throw std::runtime_error("no header");
}

LIVE_NOINLINE void parse(std::size_t size) {
  void* node = std::malloc(size);
  live_keep(node);
  fail_to_parse();
  std::free(node);
}

LIVE_NOINLINE void* make_table(std::size_t size) {
  void* table = std::malloc(size);
  live_keep(table);
  return table;
}

LIVE_NOINLINE void drop_seldom(void* table) {
  std::free(table);
  live_keep(&table);
}

LIVE_NOINLINE void drop_often(void* table) {
  std::free(table);
  live_keep(&table);
}

/// Allocates and frees by one of 4,096 paths.
LIVE_NOINLINE void descend(int levels, unsigned way) {
  if (levels == 0) {
    void* block = std::malloc(live_opaque(16));
    live_keep(block);
    std::free(block);
  } else if (way & 1) {
    descend(levels - 1, way >> 1);
    live_keep(&levels);
  } else {
    descend(levels - 1, way >> 1);
    live_keep(&way);
  }
}

LIVE_NOINLINE void lose_in_thread() {
  live_keep(std::malloc(live_opaque(1007)));  // more than what the thread itself leaves
}

}  // namespace

TEST(Insight, FreesOne) {
  drop_node(make_node(live_opaque(100)));
}

TEST(Insight, LosesWhatOthersFree) {
  make_node(live_opaque(101));
}

TEST(Insight, LosesItToAnException) {
  EXPECT_THROW(parse(live_opaque(102)), std::runtime_error);
}

TEST(Insight, LosesItAfterAnException) {
  EXPECT_THROW(fail_to_parse(), std::runtime_error);
  live_keep(std::malloc(live_opaque(103)));
}

TEST(Insight, LosesOneEachTime) {
  for (int i = 0; i < 5; ++i)
    live_keep(std::malloc(live_opaque(104)));
}

TEST(Insight, LosesAFile) {
  live_keep(std::fopen("/dev/null", "r"));
}

TEST(Insight, LosesADirectory) {
  live_keep(opendir("/"));
}

TEST(Insight, LosesWhatIsMostlyFreedElsewhere) {
  for (unsigned way = 0; way < live_opaque(4096); ++way)
    descend(12, way);
  for (int i = 0; i < 3; ++i)
    drop_seldom(make_table(live_opaque(106)));
  for (int i = 0; i < 4; ++i)
    drop_often(make_table(live_opaque(106)));
  make_table(live_opaque(106));
}

TEST(Insight, LosesOneInEachThread) {
  std::thread threads[3];
  for (std::thread& thread : threads)
    thread = std::thread(lose_in_thread);
  for (std::thread& thread : threads)
    thread.join();
}

TEST(Failing, LosesItToAnAssertion) {
  void* node = std::malloc(live_opaque(105));
  live_keep(node);
  ASSERT_EQ(live_opaque(1), 2u);
  std::free(node);
}

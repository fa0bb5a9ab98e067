// SPDX-License-Identifier: Apache-2.0
// Leaks that look different, for what is told of each beside its place.
// truth: each test of Insight but FreesOne loses what its name says; Failing.* fails, too
#include <dirent.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

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

TEST(Failing, LosesItToAnAssertion) {
  void* node = std::malloc(live_opaque(105));
  live_keep(node);
  ASSERT_EQ(live_opaque(1), 2u);
  std::free(node);
}

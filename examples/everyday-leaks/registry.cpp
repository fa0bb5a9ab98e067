// SPDX-License-Identifier: Apache-2.0
// A global registry of raw pointers: its vector is destroyed at the end of the program, what it pointed at is
// not. Lost only then, and charged to the test that made it.
#include <gtest/gtest.h>

#include <vector>

namespace {

struct Plugin {
  int id;
  char name[60] = {};
};

std::vector<Plugin*> registry;

void add_plugin(int id) {
  // LEAK: 128 bytes in 2 blocks; test Registry.OwnsNothing; function add_plugin
  registry.push_back(new Plugin{id});
}

TEST(Registry, OwnsNothing) {
  add_plugin(1);
  add_plugin(2);
  EXPECT_EQ(registry.size(), 2u);
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// Two shared_ptr that hold each other.
#include <gtest/gtest.h>

#include <memory>

namespace {

struct Node {
  std::shared_ptr<Node> child;
  std::shared_ptr<Node> parent;  // should be a std::weak_ptr
  char payload[100] = {};
};

std::shared_ptr<Node> make_node() {
  // LEAK: 304 bytes in 2 blocks; test Cycle.ParentAndChildHoldEachOther; function make_node
  return std::make_shared<Node>();
}

TEST(Cycle, ParentAndChildHoldEachOther) {
  const auto parent = make_node();
  parent->child = make_node();
  parent->child->parent = parent;
  EXPECT_EQ(parent.use_count(), 2);
}

}  // namespace

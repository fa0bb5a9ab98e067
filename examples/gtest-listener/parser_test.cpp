// SPDX-License-Identifier: Apache-2.0
// Three tests that pass by themselves. Under leakgate the one that leaks fails, with the leak in its message.
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

struct Tree {
  std::string text;
  char nodes[40] = {};
};

Tree* parse(const std::string& text) {
  // LEAK: 72 bytes in 1 block; test Parser.ResultIsForgotten; function parse
  return new Tree{text};
}

TEST(Parser, ResultIsOwned) {
  const std::unique_ptr<Tree> tree(parse("a"));
  EXPECT_EQ(tree->text, "a");
}

TEST(Parser, ResultIsForgotten) {
  const Tree* tree = parse("b");
  EXPECT_EQ(tree->text, "b");
}

TEST(Parser, NothingIsAllocated) {
  EXPECT_EQ(std::string("c").size(), 1u);
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// One test case with three sections, of which one leaks, and a clean test case.
#include <catch2/catch_test_macros.hpp>

namespace {

struct Item {
  Item* below;
  char payload[56];
};

struct Stack {
  Item* top = nullptr;
  void push() {
    // LEAK: 64 bytes in 1 block; test a stack of items; function push
    top = new Item{top, ""};
  }
  void pop() {
    Item* gone = top;
    top = gone->below;
    delete gone;
  }
};

}  // namespace

TEST_CASE("a stack of items") {
  Stack stack;
  SECTION("is empty at first") {
    CHECK(stack.top == nullptr);
  }
  SECTION("when filled") {
    stack.push();
    SECTION("can be emptied") {
      stack.pop();
      CHECK(stack.top == nullptr);
    }
    SECTION("can be forgotten") {
      CHECK(stack.top != nullptr);
    }
  }
}

TEST_CASE("nothing at all") {
  CHECK(true);
}

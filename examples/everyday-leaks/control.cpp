// SPDX-License-Identifier: Apache-2.0
// The control: the same work with owners. Nothing here leaks, and leakgate must say so.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Shape {
  double corners[8] = {};
};

TEST(Control, OwnersGiveBack) {
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 0; i < 3; ++i)
    shapes.push_back(std::make_unique<Shape>());
  EXPECT_EQ(shapes.size(), 3u);
}

TEST(Control, ThreadsAreJoined) {
  std::string text;
  std::thread([&text] { text = "a text that is too long for the string itself"; }).join();
  EXPECT_FALSE(text.empty());
}

TEST(Control, CachesAreEvicted) {
  std::map<int, std::string> cache{{1, std::string(100, 'x')}};
  cache.clear();
  EXPECT_TRUE(cache.empty());
}

}  // namespace

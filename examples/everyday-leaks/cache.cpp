// SPDX-License-Identifier: Apache-2.0
// A cache that nobody evicts: every page ever asked for stays. Something points at the blocks to the end, so
// they are still reachable; the policy of this folder says that such blocks fail too.
#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace {

struct Page {
  char text[256] = {};
};

using Cache = std::map<int, std::unique_ptr<Page>>;

Cache& cache() {
  // Never destroyed, as such singletons often are.
  // LEAK: 48 bytes in 1 block; test Cache.KeepsEveryPage; function cache
  static Cache* const pages = new Cache;
  return *pages;
}

Page& page(int number) {
  // LEAK: 192 bytes in 4 blocks; test Cache.KeepsEveryPage; function page
  auto& slot = cache()[number];
  // LEAK: 1024 bytes in 4 blocks; test Cache.KeepsEveryPage; function page
  if (!slot) slot = std::make_unique<Page>();
  return *slot;
}

TEST(Cache, KeepsEveryPage) {
  for (int number = 0; number < 4; ++number)
    EXPECT_EQ(page(number).text[0], '\0');
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0
// Ten GoogleTest tests; all of them pass. Five leak, five do not: see README.md.
#include "inventory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <vector>

namespace {

using shop::Item;

// ---- leaking ----

TEST(Inventory, CountsAreForgotten) {
  int* counters = shop::make_counters(10);
  EXPECT_EQ(counters[9], 0);
}

TEST(Inventory, LabelIsForgotten) {
  const std::string* label = shop::make_label("blue");
  EXPECT_EQ(label->size(), 4u);
}

TEST(Inventory, ItemsOutliveTheirVector) {
  std::vector<Item*> items;
  for (long id = 0; id < 3; ++id) {
    items.push_back(shop::make_item(id));
  }
  EXPECT_EQ(items.size(), 3u);
}

/// Its SetUp allocates what no TearDown gives back.
class SessionTest : public testing::Test {
 protected:
  struct Session {
    char token[48] = "secret";
    bool open = true;
  };
  void SetUp() override {
    // LEAK: 49 bytes in 1 block; test SessionTest.IsOpen; function SetUp
    session_ = new Session();
  }
  Session* session_ = nullptr;
};

TEST_F(SessionTest, IsOpen) {
  EXPECT_TRUE(session_->open);
}

/// Leaks for the second parameter only: a test case of its own, and named as such.
class BufferTest : public testing::TestWithParam<std::size_t> {};

TEST_P(BufferTest, Grows) {
  EXPECT_EQ(shop::grow_and_measure(GetParam()), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Sizes, BufferTest, testing::Values(32, 100));

// ---- clean (and Sizes/BufferTest.Grows/0 above) ----

TEST(Clean, OwnedByUniquePtr) {
  const auto item = std::make_unique<Item>();
  item->stock = 7;
  EXPECT_EQ(item->stock, 7);
}

TEST(Clean, FreesItsCopy) {
  char* name = shop::copy_name("screwdriver");
  EXPECT_STREQ(name, "screwdriver");
  std::free(name);
}

TEST(Clean, ExceptionPathReleases) {
  const std::vector<long> prices(100, 1);
  EXPECT_THROW(shop::parse_price("12 apples"), std::invalid_argument);
  EXPECT_EQ(prices.size(), 100u);
}

/// What the test puts there is freed when the suite is torn down: a late free, not a leak.
class CatalogueTest : public testing::Test {
 protected:
  static void TearDownTestSuite() {
    delete shared_;
    shared_ = nullptr;
  }
  static std::vector<Item>* shared_;
};

std::vector<Item>* CatalogueTest::shared_ = nullptr;

TEST_F(CatalogueTest, IsFreedLate) {
  shared_ = new std::vector<Item>(20);
  EXPECT_EQ(shared_->size(), 20u);
}

}  // namespace

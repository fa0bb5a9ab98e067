// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/symbol_table.h"

#include <gtest/gtest.h>

#include <string>

#include "fixture.h"

namespace leakgate::symbolize {
namespace {

using testing::fixture;
using testing::symbol_value;

class Labels : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = ElfFile::open(path_, {});
    ASSERT_TRUE(opened);
    table_.add(**opened, **opened);
    table_.finish();
  }
  [[nodiscard]] std::string at(std::uint64_t address) const {
    const char* name = table_.find(address);
    return name == nullptr ? "" : name;
  }
  std::string path_ = fixture("asm_labels");
  SymbolTable table_;
};

TEST_F(Labels, SizedSymbolEndsWithItsSize) {
  const std::uint64_t start = symbol_value(path_, "_start");
  EXPECT_EQ(at(start), "_start");
  EXPECT_EQ(at(start + 2), "_start");
  EXPECT_EQ(at(start + 3), "");
  EXPECT_EQ(at(start - 1), "");
}

TEST_F(Labels, SizelessSymbolEndsAtTheNext) {
  const std::uint64_t start = symbol_value(path_, "no_size");
  EXPECT_EQ(at(start - 1), "");
  EXPECT_EQ(at(start), "no_size");
  EXPECT_EQ(at(start + 3), "no_size");
  EXPECT_EQ(at(start + 4), "public_alias");
}

TEST_F(Labels, PublicNameIsPreferred) {
  EXPECT_EQ(at(symbol_value(path_, "_alias")), "public_alias");
}

TEST_F(Labels, LabelInsideAFunctionIsNotItsName) {
  EXPECT_EQ(at(symbol_value(path_, "inner_label") + 1), "public_alias");
}

TEST_F(Labels, SizelessSymbolEndsWithItsSection) {
  const std::uint64_t start = symbol_value(path_, "other_section");
  EXPECT_EQ(at(start + 1), "other_section");
  EXPECT_EQ(at(start + 2), "");
}

TEST(SymbolTable, DynamicSymbolsCountOnlyWithinTheirSize) {
  const std::string path = fixture("stripped_shared");
  auto file = ElfFile::open(path, {});
  ASSERT_TRUE(file);
  SymbolTable table;
  table.add(**file, **file);
  table.finish();
  const std::string full = fixture("gcc_shared");
  ASSERT_NE(table.find(symbol_value(full, "plain_c_name")), nullptr);
  EXPECT_STREQ(table.find(symbol_value(full, "plain_c_name")), "plain_c_name");
  // A static function lies between exported ones: no name is right for it.
  ASSERT_NE(symbol_value(full, "_ZL10file_localmPFviE"), 0U);
  EXPECT_EQ(table.find(symbol_value(full, "_ZL10file_localmPFviE")), nullptr);
}

}  // namespace
}  // namespace leakgate::symbolize

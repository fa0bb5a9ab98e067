// SPDX-License-Identifier: Apache-2.0
// Files that are read ahead are those that would have been read, or are not handed out.
#include "harness/capture/module_preparation.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/base/temporary_directory.h"

namespace leakgate::capture {
namespace {

namespace fs = std::filesystem;

class ModulePreparationTest : public ::testing::Test {
 protected:
  /// A file that can be read, of its own inode.
  [[nodiscard]] ModuleToRead copy(const std::string& name) const {
    const std::string path = in_folder(name);
    fs::copy_file(LEAKGATE_OWN_MALLOC_FIXTURE, path);
    return {path, "", name};
  }
  [[nodiscard]] std::string in_folder(const std::string& name) const {
    return (folder_.path() / name).string();
  }
  [[nodiscard]] static FileKey key_of(const std::string& path) {
    const auto file = open_module_file(path, path);
    EXPECT_TRUE(file) << path;
    return file ? file->key : FileKey();
  }
  /// What is handed out of the second file once it has been read.
  [[nodiscard]] std::optional<ModuleContents> take_second(const ModuleToRead& second,
                                                          const std::string& open_path,
                                                          const FileKey& key) const {
    // who asks at once takes the reading over: the first file, which nobody else reads, takes some time
    for (int attempt = 0; attempt < 1000; ++attempt) {
      ModulePreparation ahead({first_, second}, how_);
      EXPECT_TRUE(read_module(open_module_file(first_.open_path, "")->descriptor.get(), "", how_));
      if (auto contents = ahead.take(open_path, key)) return contents;
    }
    return std::nullopt;
  }

  const testing::TemporaryDirectory folder_;
  const ModuleReading how_{true, nullptr};
  const ModuleToRead first_ = copy("first");
};

TEST_F(ModulePreparationTest, GivesWhatWouldHaveBeenRead) {
  const ModuleToRead second = copy("second");
  const auto ahead = take_second(second, second.open_path, key_of(second.open_path));
  ASSERT_TRUE(ahead);
  const auto alone = read_module(open_module_file(second.open_path, "")->descriptor.get(), "second", how_);
  ASSERT_TRUE(alone);
  EXPECT_EQ(ahead->image.path(), "second");
  EXPECT_EQ(ahead->image.build_id(), alone->image.build_id());
  ASSERT_TRUE(ahead->image.find("malloc"));
  EXPECT_EQ(ahead->image.find("malloc")->vaddr, alone->image.find("malloc")->vaddr);
  EXPECT_FALSE(alone->rows.rows.empty());
  EXPECT_EQ(ahead->rows.rows.size(), alone->rows.rows.size());
  EXPECT_EQ(ahead->rows.pages, alone->rows.pages);
}

TEST_F(ModulePreparationTest, RowsAreReadWhereTheyAreWanted) {
  const auto file = open_module_file(first_.open_path, "");
  EXPECT_TRUE(read_module(file->descriptor.get(), "", {false, nullptr})->rows.rows.empty());
}

TEST_F(ModulePreparationTest, TakesTheOtherPathWhereTheFirstIsClosed) {
  ModuleToRead second = copy("second");
  second.alternative = second.open_path;
  second.open_path = in_folder("not there");
  const FileKey key = key_of(second.alternative);
  EXPECT_TRUE(take_second(second, second.alternative, key));
}

TEST_F(ModulePreparationTest, AnotherFileAtThePathIsNotHandedOut) {
  const ModuleToRead second = copy("second"), third = copy("third");
  ASSERT_TRUE(take_second(second, second.open_path, key_of(second.open_path)));
  for (int attempt = 0; attempt < 20; ++attempt) {
    ModulePreparation ahead({first_, second}, how_);
    EXPECT_FALSE(ahead.take(second.open_path, key_of(third.open_path)));
  }
}

TEST_F(ModulePreparationTest, WhatIsWrongIsLeftToWhoAsks) {
  const std::string path = in_folder("text");
  std::ofstream(path) << "no ELF file";
  const FileKey key = key_of(path);
  for (int attempt = 0; attempt < 20; ++attempt) {
    ModulePreparation ahead(
        {first_, {path, "", "text"}, {in_folder("not there"), "", "none"}, {"/", "", "/"}}, how_);
    EXPECT_FALSE(ahead.take(path, key));
    EXPECT_FALSE(ahead.take(in_folder("not there"), key));
    EXPECT_FALSE(ahead.take("/", key));
  }
  EXPECT_FALSE(open_module_file("/", "/"));
  EXPECT_FALSE(read_module(open_module_file(path, "")->descriptor.get(), "text", how_));
}

TEST_F(ModulePreparationTest, EachFileIsHandedOutOnceAtMost) {
  std::vector<ModuleToRead> files = {first_};
  for (int i = 0; i < 8; ++i)
    files.push_back(copy("file" + std::to_string(i)));
  for (int attempt = 0; attempt < 50; ++attempt) {
    ModulePreparation ahead(files, how_);
    for (const ModuleToRead& file : files) {
      const FileKey key = key_of(file.open_path);
      (void)ahead.take(file.open_path, key);
      EXPECT_FALSE(ahead.take(file.open_path, key));
    }
  }
}

TEST_F(ModulePreparationTest, ASingleFileIsLeftToWhoAsks) {
  ModulePreparation ahead({first_}, how_);
  EXPECT_FALSE(ahead.take(first_.open_path, key_of(first_.open_path)));
}

}  // namespace
}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// What is kept between runs, and for how long. What must not be believed is in the tests of its readers.
#include "harness/base/cache_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/base/temporary_directory.h"

namespace leakgate {
namespace {

namespace fs = std::filesystem;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t kMost = 1000;
constexpr int kHour = 60 * 60;

class CacheDirectoryTest : public ::testing::Test {
 protected:
  [[nodiscard]] CacheDirectory open() const {
    auto cache = CacheDirectory::open(path_.string(), "cache", kMost);
    EXPECT_TRUE(cache) << cache.error().message;
    return std::move(*cache);
  }
  static void put(const CacheDirectory& cache, const std::string& name, std::string_view text) {
    ASSERT_TRUE(cache.replace(name, {std::as_bytes(std::span(text))}));
  }
  /// A file that was put there, or used last, so long ago.
  void leave(const std::string& name, std::size_t bytes, int hours) const {
    std::ofstream(path_ / name) << std::string(bytes, 'x');
    timespec times[2] = {};
    times[0].tv_sec = times[1].tv_sec = std::time(nullptr) - std::time_t{hours} * kHour;
    ASSERT_EQ(::utimensat(AT_FDCWD, (path_ / name).c_str(), times, 0), 0);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& each : fs::directory_iterator(path_))
      if (each.path().filename() != ".tidied") names.push_back(each.path().filename().string());
    return names;
  }

  const testing::TemporaryDirectory directory_;
  const fs::path path_ = directory_.path();
};

TEST_F(CacheDirectoryTest, GivesBackWhatWasPutThere) {
  const CacheDirectory cache = open();
  EXPECT_FALSE(cache.find("rows"));
  put(cache, "rows", "old");
  put(cache, "rows", "later");
  const auto file = cache.find("rows");
  ASSERT_TRUE(file);
  std::string text(file->bytes, '\0');
  ASSERT_TRUE(file->read(text.data(), text.size()));
  EXPECT_EQ(text, "later");
  EXPECT_FALSE(file->read(text.data(), 1)) << "that was all";
}

TEST_F(CacheDirectoryTest, TheFolderThatHoldsItIsMadeToo) {
  const fs::path home = path_ / "home";
  fs::create_directory(home);
  ASSERT_TRUE(CacheDirectory::open((home / ".cache" / "leakgate").string(), "cache", kMost));
  EXPECT_EQ(fs::status(home / ".cache").permissions(), fs::perms::owner_all);
  EXPECT_FALSE(CacheDirectory::open((path_ / "no-home" / ".cache" / "leakgate").string(), "cache", kMost));
}

TEST_F(CacheDirectoryTest, WhatFitsStays) {
  leave("a", 400, 1000);
  leave("b", 400, 2000);
  put(open(), "c", "text");
  EXPECT_THAT(names(), UnorderedElementsAre("a", "b", "c"));
}

TEST_F(CacheDirectoryTest, WhatWasNotUsedForLongestGoesWhenThereIsTooMuch) {
  leave("oldest", 300, 300);
  leave("older", 300, 200);
  leave("old", 300, 100);
  leave("used", 300, 400);
  const CacheDirectory cache = open();
  ASSERT_TRUE(cache.find("used"));
  put(cache, "new", "text");
  EXPECT_THAT(names(), UnorderedElementsAre("old", "used", "new")) << "three quarters of what may be there";
}

TEST_F(CacheDirectoryTest, IsTidiedOnceInAnHour) {
  leave("large", 2000, 30);
  leave(".tidied", 0, 0);
  put(open(), "rows", "text");
  EXPECT_THAT(names(), UnorderedElementsAre("large", "rows"));
  leave(".tidied", 0, 2);
  put(open(), "rows", "text");
  EXPECT_THAT(names(), UnorderedElementsAre("rows"));
  leave("large", 2000, 30);
  put(open(), "rows", "text");
  EXPECT_THAT(names(), UnorderedElementsAre("large", "rows")) << "it has just been done";
}

TEST_F(CacheDirectoryTest, ADraftThatNobodyFinishedIsTakenAway) {
  leave(".rows.1.0", 10, 30);
  leave(".rows.2.0", 2000, 1);  // somebody may be at it
  put(open(), "rows", "text");
  EXPECT_THAT(names(), UnorderedElementsAre(".rows.2.0", "rows"));
}

TEST_F(CacheDirectoryTest, NothingIsFollowedAndNoDirectoryIsTouched) {
  leave("large", 2000, 30);
  fs::create_directory(path_ / "folder");
  fs::create_symlink("large", path_ / "link");
  const CacheDirectory cache = open();
  EXPECT_FALSE(cache.find("link"));
  EXPECT_FALSE(cache.find("folder"));
  put(cache, "rows", "text");
  EXPECT_THAT(names(), UnorderedElementsAre("folder", "link", "rows"));
}

}  // namespace
}  // namespace leakgate

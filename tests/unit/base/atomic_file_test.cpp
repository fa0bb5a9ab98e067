// SPDX-License-Identifier: Apache-2.0
// Whole files or none, tried on a real folder.
#include "harness/base/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/base/temporary_directory.h"

namespace leakgate {
namespace {

namespace fs = std::filesystem;

class AtomicFile : public ::testing::Test {
 protected:
  [[nodiscard]] std::string in(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static std::string content(const std::string& path) { return read_whole(path, 1 << 20).value(); }

  const testing::TemporaryDirectory directory_;
  const fs::path folder_ = directory_.path();
};

TEST_F(AtomicFile, WritesANewFileAndNothingElse) {
  ASSERT_TRUE(write_whole(in("a"), "hello"));
  EXPECT_EQ(content(in("a")), "hello");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFile, ReplacesAFileAndKeepsItsMode) {
  ASSERT_TRUE(write_whole(in("a"), "old"));
  ASSERT_EQ(::chmod(in("a").c_str(), 0640), 0);
  ASSERT_TRUE(write_whole(in("a"), "new"));
  EXPECT_EQ(content(in("a")), "new");
  struct stat attributes {};
  ASSERT_EQ(::stat(in("a").c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 07777u, 0640u);
}

TEST_F(AtomicFile, ASymbolicLinkStaysOne) {
  ASSERT_TRUE(write_whole(in("a"), "old"));
  fs::create_symlink("a", folder_ / "link");
  ASSERT_TRUE(write_whole(in("link"), "new"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(content(in("a")), "new");
}

TEST_F(AtomicFile, UnwritablePathsAreFoundBeforeAndLeaveNothing) {
  fs::create_directory(folder_ / "folder");
  for (const std::string& path :
       {in("missing/a"), in("folder"), in("folder/"), in("new/"), std::string(), in(std::string(300, 'x'))}) {
    const auto status = check_writable(path);
    ASSERT_FALSE(status) << path;
    EXPECT_FALSE(status.error().hint.empty()) << path;
    EXPECT_FALSE(write_whole(path, "x")) << path;
  }
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFile, CheckingLeavesNothingBehindAndTheOldContentAlone) {
  ASSERT_TRUE(check_writable(in("a")));
  EXPECT_EQ(entries(), 0u);
  ASSERT_TRUE(write_whole(in("a"), "old"));
  ASSERT_TRUE(check_writable(in("a")));
  EXPECT_EQ(content(in("a")), "old");
  EXPECT_EQ(entries(), 1u);
  EXPECT_TRUE(check_writable("-"));
}

TEST_F(AtomicFile, DevicesAndFifosAreWrittenDirectly) {
  EXPECT_TRUE(check_writable("/dev/null"));
  EXPECT_TRUE(write_whole("/dev/null", "gone"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  ASSERT_EQ(::mkfifo(in("fifo").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = content(in("fifo")); });
  EXPECT_TRUE(write_whole(in("fifo"), "through"));
  reader.join();
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(folder_ / "fifo"));
}

TEST_F(AtomicFile, AFullDiskKeepsNothingHalfWritten) {
  const auto status = write_whole("/dev/full", "x");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ENOSPC);
}

TEST_F(AtomicFile, WhatIsNotCommittedNeverAppears) {
  ASSERT_TRUE(write_whole(in("a"), "old"));
  {
    auto file = WholeFile::create(in("a"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->append("half"));
    EXPECT_EQ(content(in("a")), "old");
  }
  EXPECT_EQ(content(in("a")), "old");
  EXPECT_EQ(entries(), 1u);
  auto file = WholeFile::create(in("a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append("ne"));
  ASSERT_TRUE(file->append("w"));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(content(in("a")), "new");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFile, ReadingIsBoundedAndSaysWhy) {
  ASSERT_TRUE(write_whole(in("a"), "12345"));
  EXPECT_EQ(read_whole(in("a"), 5).value(), "12345");
  EXPECT_EQ(read_whole(in("a"), 4).error().kind, ErrorKind::format);
  EXPECT_EQ(read_whole(in("b"), 4).error().kind, ErrorKind::not_found);
  EXPECT_EQ(read_whole(folder_.string(), 4).error().kind, ErrorKind::io);
  EXPECT_EQ(read_whole("/dev/zero", 1000).error().kind, ErrorKind::format);
}

}  // namespace
}  // namespace leakgate

// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/elf_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "fixture.h"
#include "harness/symbolize/mini_debug.h"

namespace leakgate::symbolize {
namespace {

using testing::fixture;

TEST(ElfFile, RefusesWhatIsNoElfFile) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.path() + "/text") << "no ELF file";
  ASSERT_EQ(::mkfifo((folder.path() + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(ElfFile::open(folder.path() + "/text", {}).error().kind, ErrorKind::format);
  EXPECT_EQ(ElfFile::open(folder.path() + "/fifo", {}).error().kind, ErrorKind::format);
  EXPECT_EQ(ElfFile::open(folder.path(), {}).error().kind, ErrorKind::format);
  EXPECT_EQ(ElfFile::open("/dev/zero", {}).error().kind, ErrorKind::format);
  EXPECT_EQ(ElfFile::open(folder.path() + "/missing", {}).error().kind, ErrorKind::not_found);
}

TEST(ElfFile, RefusesFilesBeyondTheLimits) {
  FileLimits limits;
  limits.file_bytes = 100;
  EXPECT_FALSE(ElfFile::open(fixture("gcc_O0_dwarf5"), limits));
  limits = {};
  limits.decompressed_bytes = 1000;
  EXPECT_FALSE(ElfFile::open(fixture("gcc_gz"), limits));
  EXPECT_TRUE(ElfFile::open(fixture("gcc_O0_dwarf5"), limits));
}

TEST(ElfFile, KnowsBuildIdAndCode) {
  auto file = ElfFile::open(fixture("gcc_O0_dwarf5"), {});
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->build_id().size(), 40U);
  EXPECT_TRUE((*file)->is_code(testing::section_range(fixture("gcc_O0_dwarf5"), ".text").low));
  EXPECT_FALSE((*file)->is_code(testing::section_range(fixture("gcc_O0_dwarf5"), ".data").low));
  EXPECT_FALSE((*file)->is_code(0));
}

TEST(ElfFile, WhatIsReadAtOnceIsTheFileThatWasExamined) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/program";
  const auto overwrite_with = [&](const std::string& other) {
    std::ofstream(path, std::ios::binary) << std::ifstream(other, std::ios::binary).rdbuf();
  };
  overwrite_with(fixture("gcc_O0_dwarf5"));
  for (const bool is_overwritten : {false, true}) {
    auto file = ElfFile::open(path, {});
    ASSERT_TRUE(file);
    const Elf* const examined = (*file)->elf();
    const std::string build_id = (*file)->build_id();
    if (is_overwritten) overwrite_with(fixture("gcc_gz"));
    (*file)->prepare_for_dwarf();
    EXPECT_EQ((*file)->elf() == examined, is_overwritten) << "another file is not believed to be this one";
    EXPECT_EQ((*file)->build_id(), build_id);
  }
}

TEST(ElfFile, ReadsDebugLinkAndItsCrc) {
  auto file = ElfFile::open(fixture("debuglink"), {});
  auto target = ElfFile::open(fixture("debug_part"), {});
  ASSERT_TRUE(file && target);
  const auto link = (*file)->debug_link();
  ASSERT_TRUE(link);
  EXPECT_EQ(link->name, "debug_part");
  EXPECT_EQ((*target)->crc(), link->crc);
}

TEST(MiniDebug, StopsAtItsLimit) {
  if (::access(fixture("mini_debug").c_str(), R_OK) != 0) GTEST_SKIP() << "xz is not installed";
  auto file = ElfFile::open(fixture("mini_debug"), {});
  ASSERT_TRUE(file);
  EXPECT_NE(open_mini_debug(**file, {}), nullptr);
  FileLimits limits;
  limits.mini_debug_bytes = 512;
  EXPECT_EQ(open_mini_debug(**file, limits), nullptr);
}

}  // namespace
}  // namespace leakgate::symbolize

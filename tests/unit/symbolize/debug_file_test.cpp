// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/debug_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fixture.h"
#include "harness/symbolize/symbolizer.h"

namespace leakgate::symbolize {
namespace {

namespace fs = std::filesystem;
using testing::fixture;
using testing::TemporaryFolder;

std::unique_ptr<ElfFile> open_fixture(std::string_view name) {
  auto file = ElfFile::open(fixture(name), {});
  return file ? std::move(file).value() : nullptr;
}

/// Puts `source` where a debug file for `build_id` belongs under `root`.
void install_by_build_id(const std::string& root, const std::string& build_id, const std::string& source) {
  const std::string folder = root + "/.build-id/" + build_id.substr(0, 2);
  fs::create_directories(folder);
  fs::copy_file(source, folder + "/" + build_id.substr(2) + ".debug");
}

TEST(DebugFile, IsFoundByBuildId) {
  const TemporaryFolder root;
  const auto module = open_fixture("stripped");
  install_by_build_id(root.path(), module->build_id(), fixture("debug_part"));
  const auto found = find_debug_file(*module, fixture("stripped"), {{root.path()}, nullptr}, {});
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->build_id(), module->build_id());
}

TEST(DebugFile, OfAnotherBuildIsRefused) {
  const TemporaryFolder root;
  const auto module = open_fixture("stripped");
  install_by_build_id(root.path(), module->build_id(), fixture("gcc_O0_dwarf4"));
  EXPECT_EQ(find_debug_file(*module, fixture("stripped"), {{root.path()}, nullptr}, {}), nullptr);
}

class DebugLinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::copy_file(fixture("debuglink"), folder_.path() + "/program");
    auto opened = ElfFile::open(folder_.path() + "/program", {});
    ASSERT_TRUE(opened);
    module_ = std::move(opened).value();
  }
  [[nodiscard]] std::unique_ptr<ElfFile> find(const std::string& root = "/nonexistent") const {
    return find_debug_file(*module_, folder_.path() + "/program", {{root}, nullptr}, {});
  }
  TemporaryFolder folder_;
  std::unique_ptr<ElfFile> module_;
};

TEST_F(DebugLinkTest, IsFoundBesideInDotDebugAndUnderTheRoot) {
  EXPECT_EQ(find(), nullptr);
  const TemporaryFolder root;
  fs::create_directories(root.path() + folder_.path());
  fs::copy_file(fixture("debug_part"), root.path() + folder_.path() + "/debug_part");
  EXPECT_NE(find(root.path()), nullptr);
  EXPECT_EQ(find(), nullptr);
  fs::create_directories(folder_.path() + "/.debug");
  fs::copy_file(fixture("debug_part"), folder_.path() + "/.debug/debug_part");
  EXPECT_NE(find(), nullptr);
  fs::remove_all(folder_.path() + "/.debug");
  fs::copy_file(fixture("debug_part"), folder_.path() + "/debug_part");
  EXPECT_NE(find(), nullptr);
}

/// As runs open modules: by a descriptor, whose name says nothing of what stands beside the file.
TEST_F(DebugLinkTest, IsFoundBesideAModuleThatIsOpenAlready) {
  fs::copy_file(fixture("debug_part"), folder_.path() + "/debug_part");
  const std::string path = folder_.path() + "/program";
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Symbolizer symbolizer;
  const auto module = symbolizer.add_module({path, "/proc/self/fd/" + std::to_string(descriptor.get()), ""});
  const std::uint64_t address = testing::section_range(path, ".text").low;
  bool has_line = false;
  for (std::uint64_t offset = 0; offset < 0x400 && !has_line; ++offset)
    has_line = symbolizer.resolve(module, address + offset, false).back().line != 0;
  EXPECT_TRUE(has_line);
}

TEST_F(DebugLinkTest, WithAnotherCrcIsRefused) {
  fs::copy_file(fixture("debug_part"), folder_.path() + "/debug_part");
  std::ofstream(folder_.path() + "/debug_part", std::ios::app) << "x";
  EXPECT_EQ(find(), nullptr);
}

TEST_F(DebugLinkTest, ToAFifoDoesNotBlock) {
  ASSERT_EQ(::mkfifo((folder_.path() + "/debug_part").c_str(), 0600), 0);
  EXPECT_EQ(find(), nullptr);
}

TEST(Debuginfod, IsAskedOnlyWhenAllowed) {
  const TemporaryFolder server;
  const TemporaryFolder cache;
  const auto module = open_fixture("stripped");
  const std::string folder = server.path() + "/buildid/" + module->build_id();
  fs::create_directories(folder);
  fs::copy_file(fixture("debug_part"), folder + "/debuginfo");
  ::setenv("DEBUGINFOD_URLS", ("file://" + server.path()).c_str(), 1);
  ::setenv("DEBUGINFOD_CACHE_PATH", cache.path().c_str(), 1);
  const auto refused = find_debug_file(*module, fixture("stripped"), {{"/nonexistent"}, nullptr}, {});
  const bool cache_untouched = fs::is_empty(cache.path());
  const auto not_that_user =
      find_debug_file(*module, fixture("stripped"), {{"/nonexistent"}, [] { return EPERM; }}, {});
  const bool still_untouched = fs::is_empty(cache.path());
  const auto found = find_debug_file(*module, fixture("stripped"), {{"/nonexistent"}, [] { return 0; }}, {});
  ::unsetenv("DEBUGINFOD_URLS");
  ::unsetenv("DEBUGINFOD_CACHE_PATH");
  EXPECT_EQ(refused, nullptr);
  EXPECT_TRUE(cache_untouched);
  EXPECT_EQ(not_that_user, nullptr);
  EXPECT_TRUE(still_untouched);
  if (!found) GTEST_SKIP() << "libdebuginfod is not installed, or without file:// support";
  EXPECT_EQ(found->build_id(), module->build_id());
}

}  // namespace
}  // namespace leakgate::symbolize

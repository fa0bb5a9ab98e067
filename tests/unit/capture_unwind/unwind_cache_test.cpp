// SPDX-License-Identifier: Apache-2.0
// What the cache gives back, and all that it must not believe.
#include "harness/capture/unwind/unwind_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/unit/capture_unwind/elf_bytes.h"

using leakgate::Descriptor;
using leakgate::ErrorKind;
using leakgate::capture::build_unwind_table;
using leakgate::capture::load_or_build_unwind_table;
using leakgate::capture::UnwindCache;
using leakgate::capture::UnwindIdentity;
using leakgate::capture::UnwindTable;
using leakgate::unwind_test::Bytes;
using leakgate::unwind_test::CfiWriter;
using leakgate::unwind_test::ElfSpec;
using leakgate::unwind_test::make_elf;

namespace fs = std::filesystem;

namespace {

bool same(const UnwindTable& a, const UnwindTable& b) {
  return a.base == b.base && a.origin == b.origin && a.limit == b.limit && a.max_span == b.max_span &&
         a.pages == b.pages &&
         std::equal(a.rows.begin(), a.rows.end(), b.rows.begin(), b.rows.end(),
                    [](const lg_row& x, const lg_row& y) { return x.pc == y.pc && x.rule == y.rule; });
}

class UnwindCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "leakgate-cache-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    directory_ = root_ / "cache";
    ElfSpec spec;
    spec.eh_frame = CfiWriter().common().range(0x1000, 0x40, {0x41, 0x0e, 16}).range(0x1100, 0x10).bytes();
    spec.build_id = identity_.build_id;
    const Bytes file = make_elf(spec);
    auto table = build_unwind_table(std::span<const std::uint8_t>(file));
    ASSERT_TRUE(table);
    table_ = std::move(*table);
    write(root_ / "module.so", file);
  }
  void TearDown() override { fs::remove_all(root_); }

  static void write(const fs::path& path, const Bytes& bytes) {
    std::ofstream stream(path, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  static Bytes read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  UnwindCache open_cache() const {
    auto cache = UnwindCache::open(directory_.string());
    EXPECT_TRUE(cache) << cache.error().message;
    return std::move(*cache);
  }
  fs::path stored() const { return directory_ / "0102030405060708.unwind"; }

  fs::path root_;
  fs::path directory_;
  UnwindIdentity identity_{{1, 2, 3, 4, 5, 6, 7, 8}, 77};
  UnwindTable table_;
};

TEST_F(UnwindCacheTest, GivesBackWhatWasStored) {
  const UnwindCache cache = open_cache();
  EXPECT_FALSE(cache.load(identity_));
  ASSERT_TRUE(cache.store(identity_, table_));
  const auto loaded = cache.load(identity_);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(same(*loaded, table_));
}

TEST_F(UnwindCacheTest, FilesAndDirectoryArePrivateAndNoDraftIsLeft) {
  const UnwindCache cache = open_cache();
  ASSERT_TRUE(cache.store(identity_, table_));
  ASSERT_TRUE(cache.store(identity_, table_));
  struct stat status {};
  ASSERT_EQ(stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
  ASSERT_EQ(stat(stored().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  for (const auto& each : fs::directory_iterator(directory_))
    EXPECT_TRUE(each.path() == stored() || each.path().filename() == ".tidied") << each.path();
}

TEST_F(UnwindCacheTest, OtherContentUnderTheSameBuildIdIsAMiss) {
  const UnwindCache cache = open_cache();
  ASSERT_TRUE(cache.store(identity_, table_));
  UnwindIdentity other = identity_;
  other.content_hash ^= 1;
  EXPECT_FALSE(cache.load(other));
}

TEST_F(UnwindCacheTest, ModuleWithoutBuildIdIsNotStored) {
  const UnwindCache cache = open_cache();
  EXPECT_EQ(cache.store({}, table_).error().kind, ErrorKind::usage);
  EXPECT_FALSE(cache.load({}));
}

TEST_F(UnwindCacheTest, EveryChangedByteIsNoticed) {
  const UnwindCache cache = open_cache();
  ASSERT_TRUE(cache.store(identity_, table_));
  const Bytes good = read(stored());
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x10;
    write(stored(), bad);
    EXPECT_FALSE(cache.load(identity_)) << "byte " << i;
  }
  write(stored(), good);
  EXPECT_TRUE(cache.load(identity_));
}

TEST_F(UnwindCacheTest, EveryOtherLengthIsNoticed) {
  const UnwindCache cache = open_cache();
  ASSERT_TRUE(cache.store(identity_, table_));
  Bytes bytes = read(stored());
  bytes.push_back(0);
  write(stored(), bytes);
  EXPECT_FALSE(cache.load(identity_));
  while (bytes.size() > 1) {
    bytes.pop_back();
    if (bytes.size() == 112 + table_.rows.size() * sizeof(lg_row)) continue;
    write(stored(), bytes);
    EXPECT_FALSE(cache.load(identity_)) << bytes.size() << " bytes";
  }
}

TEST_F(UnwindCacheTest, RowsThatBreakTheRulesAreRefusedWhateverTheChecksum) {
  const UnwindCache cache = open_cache();
  UnwindTable bad = table_;
  std::swap(bad.rows[0], bad.rows[1]);
  ASSERT_TRUE(cache.store(identity_, bad));
  EXPECT_FALSE(cache.load(identity_));
  bad = table_;
  bad.rows[1].rule = 0xf;
  ASSERT_TRUE(cache.store(identity_, bad));
  EXPECT_FALSE(cache.load(identity_));
}

TEST_F(UnwindCacheTest, FilesThatOthersMayWriteAreIgnored) {
  const UnwindCache cache = open_cache();
  ASSERT_TRUE(cache.store(identity_, table_));
  for (const mode_t mode : {0620U, 0602U, 0666U}) {
    ASSERT_EQ(chmod(stored().c_str(), mode), 0);
    EXPECT_FALSE(cache.load(identity_));
  }
  ASSERT_EQ(chmod(stored().c_str(), 0600), 0);
  EXPECT_TRUE(cache.load(identity_));
}

TEST_F(UnwindCacheTest, LinksAndPipesInThePlaceOfAFileAreIgnored) {
  const UnwindCache cache = open_cache();
  ASSERT_TRUE(cache.store(identity_, table_));
  fs::rename(stored(), root_ / "real");
  fs::create_symlink(root_ / "real", stored());
  EXPECT_FALSE(cache.load(identity_));
  fs::remove(stored());
  ASSERT_EQ(mkfifo(stored().c_str(), 0600), 0);
  EXPECT_FALSE(cache.load(identity_));
  ASSERT_TRUE(cache.store(identity_, table_));  // replaces what stood there
  EXPECT_TRUE(cache.load(identity_));
}

TEST_F(UnwindCacheTest, DirectoriesThatOthersMayWriteAreRefused) {
  fs::create_directory(directory_);
  for (const mode_t mode : {0770U, 0707U, 0777U, 01777U}) {
    ASSERT_EQ(chmod(directory_.c_str(), mode), 0);
    const auto cache = UnwindCache::open(directory_.string());
    ASSERT_FALSE(cache);
    EXPECT_EQ(cache.error().kind, ErrorKind::permission);
  }
}

TEST_F(UnwindCacheTest, LinkInThePlaceOfTheDirectoryIsRefused) {
  fs::create_directory(root_ / "elsewhere");
  fs::create_symlink(root_ / "elsewhere", directory_);
  const auto cache = UnwindCache::open(directory_.string());
  ASSERT_FALSE(cache);
  EXPECT_EQ(cache.error().kind, ErrorKind::permission);
}

TEST_F(UnwindCacheTest, FilesOfAnotherUserAreIgnored) {
  if (geteuid() != 0) {
    // Only root can give a file away; a directory of root's is at hand for everybody else.
    EXPECT_FALSE(UnwindCache::open("/usr"));
    return;
  }
  const UnwindCache cache = open_cache();
  ASSERT_TRUE(cache.store(identity_, table_));
  ASSERT_EQ(chown(stored().c_str(), 65534, 65534), 0);
  EXPECT_FALSE(cache.load(identity_));
  ASSERT_EQ(chown(directory_.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(UnwindCache::open(directory_.string()));
}

TEST_F(UnwindCacheTest, LoadOrBuildStoresOnceAndReadsAfterwards) {
  const UnwindCache cache = open_cache();
  const Descriptor fd(open((root_ / "module.so").c_str(), O_RDONLY | O_CLOEXEC));
  const auto built = load_or_build_unwind_table(fd.get(), &cache);
  ASSERT_TRUE(built);
  EXPECT_TRUE(same(*built, table_));
  ASSERT_TRUE(fs::exists(stored()));
  const auto written = fs::last_write_time(stored());
  const auto again = load_or_build_unwind_table(fd.get(), &cache);
  ASSERT_TRUE(again);
  EXPECT_TRUE(same(*again, table_));
  EXPECT_EQ(fs::last_write_time(stored()), written);
  write(stored(), {1, 2, 3});  // spoilt: rebuilt and stored anew
  const auto rebuilt = load_or_build_unwind_table(fd.get(), &cache);
  ASSERT_TRUE(rebuilt);
  EXPECT_TRUE(same(*rebuilt, table_));
  EXPECT_GT(fs::file_size(stored()), 100U);
}

TEST_F(UnwindCacheTest, ReadsWhatItIsToldIsThere) {
  // A hit is taken from the file and not built: rows that only the file has come back.
  const UnwindCache cache = open_cache();
  const Descriptor fd(open((root_ / "module.so").c_str(), O_RDONLY | O_CLOEXEC));
  auto image = leakgate::capture::UnwindImage::open(fd.get());
  ASSERT_TRUE(image);
  UnwindTable marked = table_;
  marked.rows[0].rule = LG_RULE_UNSUPPORTED;
  ASSERT_TRUE(cache.store(image->identity(), marked));
  const auto loaded = load_or_build_unwind_table(fd.get(), &cache);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->rows[0].rule, std::uint32_t{LG_RULE_UNSUPPORTED});
}

}  // namespace

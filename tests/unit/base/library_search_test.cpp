// SPDX-License-Identifier: Apache-2.0
// The library search against ldd on real programs, against made-up trees, and the cache parser against broken
// caches.
#include "harness/base/library_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <sstream>

#include "harness/base/library_cache.h"
#include "tests/unit/base/elf_builder.h"
#include "tests/unit/base/temporary_directory.h"

namespace leakgate {
namespace {

using leakgate::testing::ElfBuilder;
using leakgate::testing::TemporaryDirectory;
using ::testing::ElementsAre;

const std::string kInterpreter = "/lib64/ld-linux-x86-64.so.2";

/// Paths in ldd's answer, sorted; empty where ldd is missing or refuses.
std::vector<std::string> ldd(const std::string& program) {
  const auto close = [](FILE* pipe) { ::pclose(pipe); };
  const std::unique_ptr<FILE, decltype(close)> pipe(
      ::popen(("env -u LD_LIBRARY_PATH -u LD_PRELOAD ldd '" + program + "' 2>/dev/null").c_str(), "r"),
      close);
  std::vector<std::string> paths;
  char line[4096];
  while (pipe && std::fgets(line, sizeof line, pipe.get())) {
    std::istringstream words(line);
    for (std::string word; words >> word;)
      if (word.starts_with('/')) {
        paths.push_back(word);
        break;
      }
  }
  // first then
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> resolve(const std::string& program, const SearchEnvironment& env) {
  const auto image = ElfImage::open(program);
  EXPECT_TRUE(image) << image.error().message;
  if (!image) return {};
  auto paths = resolve_libraries(*image, env);
  EXPECT_TRUE(paths);
  return paths ? *paths : std::vector<std::string>{};
}

/// A tree of made-up libraries; no cache, no default directories but its own.
class LibraryTree : public ::testing::Test {
 protected:
  LibraryTree() {
    env_.cache_path = path("no-cache");
    env_.default_directories = {path("default")};
    env_.hwcaps.clear();
  }
  std::string path(const std::string& name) const { return (root_.path() / name).string(); }
  std::string library(const std::string& name, ElfBuilder builder = ElfBuilder()) const {
    return builder.write(path(name));
  }
  std::string program(ElfBuilder builder) const {
    return builder.interpreter(kInterpreter).write(path("bin/program"));
  }

  TemporaryDirectory root_;
  SearchEnvironment env_;
};

TEST(LibrarySearch, AgreesWithLddOnSystemPrograms) {
  std::size_t compared = 0;
  for (const char* name : {"/bin/ls", "/bin/bash", "/usr/bin/git", "/usr/bin/cmake", "/usr/bin/gdb",
                           "/usr/bin/c++", "/proc/self/exe"}) {
    const std::string program =
        std::filesystem::exists(name) ? std::filesystem::canonical(name).string() : "";
    if (program.empty() || !ElfImage::open(program)) continue;
    const std::vector<std::string> expected = ldd(program);
    if (expected.empty()) continue;
    std::vector<std::string> found = resolve(program, SearchEnvironment{});
    EXPECT_EQ(found.back(), kInterpreter);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, expected) << program;
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "no ldd here";
}

TEST_F(LibraryTree, FollowsNeededBreadthFirstAndOnce) {
  library("default/liba.so", ElfBuilder().text(DT_NEEDED, "libc1.so").text(DT_NEEDED, "libb.so"));
  library("default/libb.so", ElfBuilder().text(DT_NEEDED, "liba.so"));
  library("default/libc1.so");
  const auto exe = program(
      ElfBuilder().text(DT_NEEDED, "liba.so").text(DT_NEEDED, "libb.so").text(DT_NEEDED, "libgone.so"));
  EXPECT_THAT(resolve(exe, env_), ElementsAre(path("default/liba.so"), path("default/libb.so"),
                                              path("default/libc1.so"), kInterpreter));
}

TEST_F(LibraryTree, LibraryPathComesBeforeRunpathAndAfterRpath) {
  for (const char* folder : {"own", "user", "default"})
    library(std::string(folder) + "/liba.so");
  env_.ld_library_path = path("user");
  EXPECT_EQ(
      resolve(program(ElfBuilder().text(DT_NEEDED, "liba.so").text(DT_RUNPATH, "$ORIGIN/../own")), env_)[0],
      path("user/liba.so"));
  EXPECT_EQ(
      resolve(program(ElfBuilder().text(DT_NEEDED, "liba.so").text(DT_RPATH, "$ORIGIN/../own")), env_)[0],
      path("bin/../own/liba.so"));
  env_.ld_library_path.clear();
  EXPECT_EQ(
      resolve(program(ElfBuilder().text(DT_NEEDED, "liba.so").text(DT_RUNPATH, "${ORIGIN}/../own")), env_)[0],
      path("bin/../own/liba.so"));
}

TEST_F(LibraryTree, RpathOfTheLoaderServesItsLibrariesButRunpathDoesNot) {
  library("own/liba.so", ElfBuilder().text(DT_NEEDED, "libb.so"));
  library("own/libb.so");
  library("default/libb.so");
  EXPECT_EQ(resolve(program(ElfBuilder().text(DT_NEEDED, "liba.so").text(DT_RPATH, path("own"))), env_)[1],
            path("own/libb.so"));
  EXPECT_EQ(resolve(program(ElfBuilder().text(DT_NEEDED, "liba.so").text(DT_RUNPATH, path("own"))), env_)[1],
            path("default/libb.so"));
}

TEST_F(LibraryTree, ExpandsLibAndPlatform) {
  library("lib64/liba.so");
  const auto exe = program(ElfBuilder().text(DT_NEEDED, "liba.so").text(DT_RUNPATH, "$ORIGIN/../$LIB"));
  EXPECT_EQ(resolve(exe, env_)[0], path("bin/../lib64/liba.so"));
}

TEST_F(LibraryTree, PreloadedLibrariesComeFirst) {
  const std::string first = library("p/one.so", ElfBuilder().text(DT_NEEDED, "libb.so"));
  library("default/two.so");
  library("default/liba.so");
  library("default/libb.so");
  env_.ld_preload = first + ":two.so missing.so";
  EXPECT_THAT(resolve(program(ElfBuilder().text(DT_NEEDED, "liba.so")), env_),
              ElementsAre(first, path("default/two.so"), path("default/liba.so"), path("default/libb.so"),
                          kInterpreter));
}

TEST_F(LibraryTree, HwcapsDirectoriesWinInOrder) {
  library("default/liba.so");
  library("default/glibc-hwcaps/x86-64-v2/liba.so");
  library("default/glibc-hwcaps/x86-64-v3/liba.so");
  const auto exe = program(ElfBuilder().text(DT_NEEDED, "liba.so"));
  env_.hwcaps = {"x86-64-v3", "x86-64-v2"};
  EXPECT_EQ(resolve(exe, env_)[0], path("default/glibc-hwcaps/x86-64-v3/liba.so"));
  env_.hwcaps = {"x86-64-v2"};
  EXPECT_EQ(resolve(exe, env_)[0], path("default/glibc-hwcaps/x86-64-v2/liba.so"));
}

TEST_F(LibraryTree, PassesOverFilesThatAreNoLibraries) {
  std::filesystem::create_directories(path("first"));
  std::ofstream(path("first/liba.so")) << "/* GNU ld script */ GROUP ( x )";
  std::filesystem::create_directories(path("second"));
  ASSERT_EQ(::mkfifo(path("second/liba.so").c_str(), 0600), 0);
  library("default/liba.so");
  env_.ld_library_path = path("first") + ":" + path("second");
  EXPECT_EQ(resolve(program(ElfBuilder().text(DT_NEEDED, "liba.so")), env_)[0], path("default/liba.so"));
}

TEST_F(LibraryTree, NoDefaultLibrariesLeavesDefaultDirectoriesOut) {
  library("default/liba.so");
  const auto exe = program(ElfBuilder().text(DT_NEEDED, "liba.so").number(DT_FLAGS_1, DF_1_NODEFLIB));
  EXPECT_THAT(resolve(exe, env_), ElementsAre(kInterpreter));
}

TEST_F(LibraryTree, AStaticProgramNeedsNothing) {
  env_.ld_preload = library("default/liba.so");
  EXPECT_TRUE(resolve(ElfBuilder(ET_EXEC).write(path("bin/static")), env_).empty());
}

TEST_F(LibraryTree, ALongChainAndHostileTokensEnd) {
  for (int i = 0; i < 1500; ++i)
    library("default/l" + std::to_string(i), ElfBuilder().text(DT_NEEDED, "l" + std::to_string(i + 1)));
  std::string tokens;
  for (int i = 0; i < 2000; ++i)
    tokens += "$ORIGIN/$LIB:";
  const auto exe = program(ElfBuilder().text(DT_NEEDED, "l0").text(DT_RUNPATH, tokens));
  EXPECT_EQ(resolve(exe, env_).size(), 1024u);  // 1023 libraries and the interpreter: a limit of ours
}

// ---- the cache ----

void put(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    bytes[at + i] = static_cast<char>(value >> (8 * i));
}

/// Two entries: liba.so for any processor, and for x86-64-v3 through the extension.
std::string make_cache() {
  std::string bytes = "glibc-ld.so.cache1.1";
  bytes.resize(48 + 2 * 24);
  put(bytes, 20, 2);
  const auto text = [&](const std::string& value) {
    const auto at = static_cast<std::uint32_t>(bytes.size());
    bytes += value;
    bytes.push_back('\0');
    return at;
  };
  const auto name = text("liba.so"), plain = text("/lib/liba.so"), fast = text("/lib/v3/liba.so"),
             hwcap = text("x86-64-v3");
  bytes.resize((bytes.size() + 3) / 4 * 4);
  const auto extension = static_cast<std::uint32_t>(bytes.size());
  bytes.resize(bytes.size() + 8 + 16 + 4);
  put(bytes, extension, 0xeaa42174);
  put(bytes, extension + 4, 1);
  put(bytes, extension + 8, 1);
  put(bytes, extension + 16, extension + 24);
  put(bytes, extension + 20, 4);
  put(bytes, extension + 24, hwcap);
  put(bytes, 32, extension);
  for (const std::size_t i : {0u, 1u}) {
    put(bytes, 48 + i * 24, 0x0303);
    put(bytes, 48 + i * 24 + 4, name);
    put(bytes, 48 + i * 24 + 8, i == 0 ? fast : plain);
  }
  put(bytes, 48 + 16 + 4, 1u << 30);  // bit 62 of the first entry's hwcap: index 0 of the extension
  return bytes;
}

TEST(LibraryCache, ReadsPlainAndHwcapsEntries) {
  const auto cache = LibraryCache::parse(make_cache());
  const auto& entries = cache.find("liba.so");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].path, "/lib/v3/liba.so");
  EXPECT_EQ(entries[0].hwcap, "x86-64-v3");
  EXPECT_EQ(entries[1].path, "/lib/liba.so");
  EXPECT_EQ(entries[1].hwcap, "");
  EXPECT_TRUE(cache.find("libb.so").empty());
}

TEST(LibraryCache, ReadsTheNewFormatBehindAnOldOne) {
  std::string bytes = "ld.so-1.7.0";
  bytes.resize(16 + 3 * 12 + 4);  // three old entries, padded to eight
  put(bytes, 12, 3);
  EXPECT_EQ(LibraryCache::parse(bytes + make_cache()).find("liba.so").size(), 2u);
}

TEST(LibraryCache, EntriesForOtherArchitecturesAreLeftOut) {
  std::string bytes = make_cache();
  put(bytes, 48, 0x0803);  // x32
  EXPECT_EQ(LibraryCache::parse(bytes).find("liba.so").size(), 1u);
}

TEST(LibraryCache, BrokenCachesAreSurvived) {
  const std::string whole = make_cache();
  for (std::size_t length = 0; length < whole.size(); ++length)
    (void)LibraryCache::parse(whole.substr(0, length));
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = whole;
    for (int change = 0; change < 3; ++change)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 2 == 0 ? 0xff : random());
    (void)LibraryCache::parse(bytes);
  }
  EXPECT_TRUE(LibraryCache::parse("").empty());
  EXPECT_TRUE(LibraryCache::read("/no/such/cache").empty());
}

}  // namespace
}  // namespace leakgate

// SPDX-License-Identifier: Apache-2.0
// What is kept of a module between runs, and when it is not believed.
#include "harness/symbolize/frame_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "fixture.h"
#include "harness/symbolize/elf_file.h"
#include "harness/symbolize/symbolizer.h"

namespace leakgate::symbolize {
namespace {

namespace fs = std::filesystem;
using testing::Chain;
using testing::fixture;
using testing::resolve_text;
using testing::TemporaryFolder;

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class FrameCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_text(module_.path, "the module");
    write_text(debug_file_, "its debug file");
  }

  [[nodiscard]] std::shared_ptr<FrameCache> open(const std::string& maker = "a test") const {
    auto directory = CacheDirectory::open(folder_.path() + "/cache", "frame cache");
    EXPECT_TRUE(directory);
    return std::make_shared<FrameCache>(std::move(*directory), maker);
  }
  void keep() const {
    const auto cache = open();
    cache->add(module_, debug_file_, 0x1000, frames_);
    cache->store();
  }
  [[nodiscard]] bool is_kept(const std::string& maker = "a test") const {
    return open(maker)->has(module_, 0x1000);
  }
  /// Build id of the fixture without symbols of its own, whose debug file options() will find.
  [[nodiscard]] std::string install_debug_file() const {
    const auto stripped = ElfFile::open(fixture("stripped"), {});
    EXPECT_TRUE(stripped);
    const std::string id = (*stripped)->build_id(), path = debug_file_of(id);
    fs::create_directories(fs::path(path).parent_path());
    fs::copy_file(fixture("debug_part"), path);
    return id;
  }
  [[nodiscard]] std::string debug_file_of(const std::string& id) const {
    return folder_.path() + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug";
  }
  [[nodiscard]] SymbolizerOptions options() const {
    SymbolizerOptions options;
    options.debug_files.debug_roots = {folder_.path()};
    options.frames = open();
    return options;
  }
  [[nodiscard]] std::string stored() const {
    return folder_.path() + "/cache/" + module_.build_id + ".frames";
  }

  TemporaryFolder folder_;
  const ModuleFile module_{folder_.path() + "/module.so", "", "0123456789abcdef0123"};
  const std::string debug_file_ = folder_.path() + "/module.debug";
  const std::vector<NamedFrame> frames_ = {
      {{"std::vector<…>::f(\"\\\n)", "the \x01 full name"}, "/source/ä.cpp", 12, 3, true},
      {{"", ""}, "", 0, 0, false}};
};

TEST_F(FrameCacheTest, GivesBackWhatWasAdded) {
  keep();
  const auto cache = open();
  EXPECT_TRUE(cache->knows(module_));
  EXPECT_TRUE(cache->has(module_, 0x1000));
  EXPECT_EQ(cache->find(module_, 0x1000), frames_);
  EXPECT_FALSE(cache->has(module_, 0x1001));
  EXPECT_TRUE(cache->find(module_, 0x1001).empty());
  EXPECT_FALSE(cache->knows({module_.path, "", "fedcba98765432100123"}));
}

TEST_F(FrameCacheTest, WhatIsAddedLaterStandsBesideWhatIsThere) {
  keep();
  const auto cache = open();
  cache->add(module_, debug_file_, 0x2000, {frames_[1]});
  cache->store();
  EXPECT_TRUE(is_kept());
  EXPECT_EQ(open()->find(module_, 0x2000), std::vector<NamedFrame>{frames_[1]});
}

TEST_F(FrameCacheTest, NothingIsWrittenWhereNothingIsNew) {
  keep();
  fs::last_write_time(stored(), fs::file_time_type::clock::now() - std::chrono::hours(1));
  const auto before = fs::last_write_time(stored());
  const auto cache = open();
  cache->add(module_, debug_file_, 0x1000, frames_);
  cache->store();
  EXPECT_EQ(fs::last_write_time(stored()), before);
}

TEST_F(FrameCacheTest, OfOtherFilesNothingIsBelieved) {
  keep();
  ASSERT_TRUE(is_kept());
  EXPECT_FALSE(is_kept("another leakgate"));
  for (const std::string& path : {module_.path, debug_file_}) {
    const std::string text = read_text(path);
    const auto written = fs::last_write_time(path);
    write_text(path, text + ".");
    fs::last_write_time(path, written);
    EXPECT_FALSE(is_kept()) << path << " is larger";
    write_text(path, text);
    fs::last_write_time(path, written);
    EXPECT_FALSE(is_kept()) << path << " was written since";
    keep();
    ASSERT_TRUE(is_kept());
  }
  fs::remove(debug_file_);
  EXPECT_FALSE(is_kept());
}

/// A build id is what whoever makes a file calls it.
TEST_F(FrameCacheTest, AnotherFileOfTheSameBuildIdHasNoPartInIt) {
  keep();
  const ModuleFile other{folder_.path() + "/other.so", "", module_.build_id};
  fs::copy_file(module_.path, other.path);
  fs::last_write_time(other.path, fs::last_write_time(module_.path));
  const auto cache = open();
  EXPECT_TRUE(cache->has(module_, 0x1000));
  EXPECT_FALSE(cache->has(other, 0x1000));
  cache->add(other, debug_file_, 0x2000, {frames_[1]});
  cache->store();
  EXPECT_FALSE(open()->has(module_, 0x2000));
  EXPECT_FALSE(open()->knows(other));
  EXPECT_TRUE(is_kept());
}

TEST_F(FrameCacheTest, AFileThatEndsEarlyIsNone) {
  keep();
  const std::string whole = read_text(stored());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_text(stored(), whole.substr(0, size));
    ASSERT_FALSE(is_kept()) << size << " of " << whole.size() << " bytes";
  }
  write_text(stored(), whole);
  EXPECT_TRUE(is_kept());
}

TEST_F(FrameCacheTest, AFileThatWasDamagedIsNone) {
  keep();
  const std::string whole = read_text(stored());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    write_text(stored(), damaged);
    ASSERT_FALSE(is_kept()) << "byte " << at << " of " << whole.size();
  }
}

TEST_F(FrameCacheTest, AModuleThatNamesItselfHasNoDebugFile) {
  const auto cache = open();
  cache->add(module_, "", 0x1000, frames_);
  cache->store();
  EXPECT_EQ(open()->find(module_, 0x1000), frames_);
  write_text(debug_file_, "which is of no matter");
  EXPECT_TRUE(is_kept());
  write_text(module_.path, "another module");
  EXPECT_FALSE(is_kept());
}

/// Each run over eBPF has a copy of its own of the C library.
TEST_F(FrameCacheTest, ACopyIsKnownByItsOriginal) {
  keep();
  const ModuleFile copy{module_.path, folder_.path() + "/copy", module_.build_id, module_.path};
  fs::copy_file(module_.path, copy.open_path);
  EXPECT_EQ(open()->find(copy, 0x1000), frames_);
  const auto cache = open();
  cache->add(copy, debug_file_, 0x2000, frames_);
  cache->store();
  EXPECT_EQ(open()->find(module_, 0x2000), frames_);
}

TEST_F(FrameCacheTest, WhatAnotherFileNamesTakesThePlaceOfAll) {
  const auto cache = open();
  cache->add(module_, "", 0x1000, frames_);
  cache->add(module_, "", 0x2000, frames_);
  cache->add(module_, debug_file_, 0x2000, {frames_[1]});
  cache->store();
  EXPECT_FALSE(is_kept());
  EXPECT_EQ(open()->find(module_, 0x2000), std::vector<NamedFrame>{frames_[1]});
}

TEST_F(FrameCacheTest, AFileThatOthersMayWriteIsNone) {
  keep();
  ASSERT_EQ(::chmod(stored().c_str(), 0666), 0);
  EXPECT_FALSE(is_kept());
}

TEST_F(FrameCacheTest, ABuildIdThatIsNoNameForAFileIsLeftOut) {
  for (const std::string id : {"", "0123", "../../0123456789abcdef", "0123456789ABCDEF"}) {
    const auto cache = open();
    cache->add({module_.path, "", id}, debug_file_, 0x1000, frames_);
    cache->store();
    EXPECT_FALSE(open()->knows({module_.path, "", id}));
  }
  EXPECT_TRUE(fs::is_empty(folder_.path() + "/cache"));
}

TEST_F(FrameCacheTest, AnswersAreThoseOfTheFilesThatAreNotReadAnyMore) {
  const std::string id = install_debug_file(), debug_file = debug_file_of(id);
  const auto resolve = [&] {
    Symbolizer symbolizer(options());
    const std::uint32_t module = symbolizer.add_module({fixture("stripped"), "", id});
    const AddressRange text_range = testing::section_range(fixture("stripped"), ".text");
    constexpr std::uint64_t kStep = 23;  // all of them would be more than is kept
    std::map<std::uint64_t, Chain> text;
    for (std::uint64_t address = text_range.low; address < text_range.high; address += kStep)
      text[address] = symbolizer.resolve(module, address, false);
    symbolizer.store();
    return text;
  };
  const auto first = resolve();
  ASSERT_FALSE(first.empty());
  // what was found is said of a debug file in which nothing can be found
  const ModuleFile file{fixture("stripped"), "", id};
  const auto before = open();
  ASSERT_TRUE(before->knows(file));
  write_text(debug_file, std::string(fs::file_size(debug_file), 'x'));
  ASSERT_FALSE(open()->knows(file));
  const auto restamped = open();
  for (const auto& [address, chain] : first)
    restamped->add(file, debug_file, address, before->find(file, address));
  restamped->store();
  testing::expect_same(resolve(), first);
}

TEST_F(FrameCacheTest, WhatWasExpectedIsKeptThoughNobodyAskedForIt) {
  const ModuleFile file{fixture("stripped"), "", install_debug_file()};
  const std::uint64_t address = testing::section_range(file.path, ".text").low;
  const auto is_kept_after = [&](std::chrono::milliseconds time) {
    Symbolizer symbolizer(options());
    symbolizer.read_ahead().add(file, nullptr);
    symbolizer.read_ahead().expect(file, address);
    symbolizer.read_ahead().start();
    std::this_thread::sleep_for(time);
    symbolizer.stop_reading();
    symbolizer.store();
    return open()->has(file, address);
  };
  std::chrono::milliseconds time{20};
  while (!is_kept_after(time) && time.count() < 10'000)
    time *= 2;
  EXPECT_LT(time.count(), 10'000);
  SymbolizerOptions without = options();
  without.frames = nullptr;
  Symbolizer kept(options()), found(without);
  testing::expect_same({{address, kept.resolve(kept.add_module(file), address, false)}},
                       {{address, found.resolve(found.add_module(file), address, false)}});
}

TEST_F(FrameCacheTest, AModuleWithItsOwnDebugInformationIsNotReadAgain) {
  const std::string copy = folder_.path() + "/program";
  fs::copy_file(fixture("gcc_O2_dwarf5"), copy);
  const auto full = ElfFile::open(copy, {});
  ASSERT_TRUE(full);
  const ModuleFile file{copy, "", (*full)->build_id()};
  const auto resolve = [&](const ModuleFile& which) {
    SymbolizerOptions options;
    options.frames = open();
    Symbolizer symbolizer(options);
    auto text = resolve_text(symbolizer, symbolizer.add_module(which), fixture("gcc_O2_dwarf5"));
    symbolizer.store();
    return text;
  };
  const auto first = resolve(file);
  ASSERT_TRUE(open()->knows(file));
  // what was found is said of a file in which nothing can be found
  const auto before = open();
  ASSERT_FALSE(before->find(file, first.begin()->first).empty());
  write_text(copy, "no program");
  const auto restamped = open();
  EXPECT_FALSE(restamped->knows(file));
  for (const auto& [address, chain] : first)
    restamped->add(file, "", address, before->find(file, address));
  restamped->store();
  testing::expect_same(resolve(file), first);
}

TEST_F(FrameCacheTest, AModuleWhoseLinesStandInFurtherFilesIsNotKept) {
  const std::string command = "cd " + folder_.path() +
                              " && g++ -g -O0 -gdwarf-5 -gsplit-dwarf -Wl,--build-id " + SYMBOLIZE_SHAPES +
                              " -o split";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto split = ElfFile::open(folder_.path() + "/split", {});
  ASSERT_TRUE(split);
  const ModuleFile file{folder_.path() + "/split", "", (*split)->build_id()};
  Symbolizer symbolizer(options());
  const std::uint64_t address = testing::symbol_value(file.path, "plain_c_name");
  EXPECT_NE(symbolizer.resolve(symbolizer.add_module(file), address, false).back().line, 0u);
  symbolizer.store();
  EXPECT_FALSE(open()->knows(file));
}

TEST_F(FrameCacheTest, ManyQueriesHaveTheSameAnswersWhereSomeAreKept) {
  const std::string path = fixture("gcc_O2_dwarf5");
  const auto full = ElfFile::open(path, {});
  ASSERT_TRUE(full);
  const ModuleFile file{path, "", (*full)->build_id()};
  const AddressRange text = testing::section_range(path, ".text");
  Symbolizer first(options()), second(options()), without;
  const std::uint32_t module = first.add_module(file);
  std::vector<Query> queries;
  for (std::uint64_t i = 0; i < 10'000; ++i)  // more than are worked on by one thread
    queries.push_back({module, text.low + i % (text.high - text.low), i % 2 == 0});
  for (std::size_t i = 0; i < queries.size(); i += 3)
    (void)first.resolve(module, queries[i].offset, queries[i].is_return_address);
  first.store();
  ASSERT_TRUE(open()->knows(file));
  ASSERT_EQ(second.add_module(file), without.add_module(file));
  EXPECT_EQ(second.resolve_all(queries), without.resolve_all(queries));
}

}  // namespace
}  // namespace leakgate::symbolize

// SPDX-License-Identifier: Apache-2.0
// What is kept of a module between runs, and when it is not believed.
#include "harness/symbolize/frame_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
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

/// Has the file of the cache say that its frames are of the debug file as it is now.
void restamp(const std::string& cached, const std::string& debug_file) {
  const FileStamp stamp = stamp_of(debug_file);
  auto root = nlohmann::ordered_json::parse(read_text(cached));
  root["debug_module"]["written_ns"] = stamp.written_ns;
  root["debug_module"]["changed_ns"] = stamp.changed_ns;
  write_text(cached, root.dump());
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
    return open(maker)->find(module_, 0x1000) != nullptr;
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
  const auto* const found = cache->find(module_, 0x1000);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found, frames_);
  EXPECT_EQ(cache->find(module_, 0x1001), nullptr);
  EXPECT_FALSE(cache->knows({module_.path, "", "fedcba98765432100123"}));
}

TEST_F(FrameCacheTest, WhatIsAddedLaterStandsBesideWhatIsThere) {
  keep();
  const auto cache = open();
  cache->add(module_, debug_file_, 0x2000, {frames_[1]});
  cache->store();
  EXPECT_TRUE(is_kept());
  EXPECT_NE(open()->find(module_, 0x2000), nullptr);
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
  EXPECT_NE(cache->find(module_, 0x1000), nullptr);
  EXPECT_EQ(cache->find(other, 0x1000), nullptr);
  cache->add(other, debug_file_, 0x2000, {frames_[1]});
  cache->store();
  EXPECT_EQ(open()->find(module_, 0x2000), nullptr);
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
  // a debug file that says something else is believed to be the one it was
  write_text(debug_file, std::string(fs::file_size(debug_file), 'x'));
  restamp(folder_.path() + "/cache/" + id + ".frames", debug_file);
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
    return open()->find(file, address) != nullptr;
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

TEST_F(FrameCacheTest, AModuleWithItsOwnDebugInformationIsNotKept) {
  const auto full = ElfFile::open(fixture("gcc_O2_dwarf5"), {});
  ASSERT_TRUE(full);
  SymbolizerOptions options;
  options.frames = open();
  Symbolizer symbolizer(options);
  const ModuleFile file{fixture("gcc_O2_dwarf5"), "", (*full)->build_id()};
  (void)resolve_text(symbolizer, symbolizer.add_module(file), file.path);
  EXPECT_FALSE(symbolizer.keeps(file));
}

}  // namespace
}  // namespace leakgate::symbolize

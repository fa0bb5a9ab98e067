// SPDX-License-Identifier: Apache-2.0
#include "harness/symbolize/read_ahead.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "fixture.h"
#include "harness/symbolize/symbolizer.h"

namespace leakgate::symbolize {
namespace {

using testing::fixture;
using testing::full_fixtures;
using testing::resolve_text;
using testing::TemporaryFolder;

constexpr std::chrono::milliseconds kNever{3'600'000};

/// What the reader hands over of `file`, once it has come to it.
std::unique_ptr<ReadModule> read_ahead(const ModuleFile& file, std::shared_ptr<Descriptor> keep = nullptr) {
  ReadAhead ahead({}, std::chrono::milliseconds(0));
  ahead.add(file, std::move(keep));
  ahead.start();
  // modules are read in the order they were given: when the later one is there, so was the earlier one
  const ModuleFile after{fixture(full_fixtures().back()), "", ""};
  std::unique_ptr<ReadModule> last;
  for (int i = 0; i < 3000 && !last; ++i) {
    ahead.add(after, nullptr);
    ::usleep(10'000);
    last = ahead.take(after);
  }
  auto module = ahead.take(file);
  EXPECT_EQ(ahead.take(file), nullptr) << "it is handed over once";
  return module;
}

/// A copy of a fixture.
std::string copy_in(const TemporaryFolder& folder) {
  const std::string path = folder.path() + "/copy";
  std::filesystem::copy_file(fixture(full_fixtures().front()), path);
  return path;
}

TEST(ReadAhead, AModuleComesReadWithItsDwarf) {
  const auto module = read_ahead({fixture(full_fixtures().front()), "", ""});
  ASSERT_NE(module, nullptr);
  EXPECT_TRUE(module->loaded);
  EXPECT_TRUE(module->dwarf_loaded);
  EXPECT_NE(module->dwarf, nullptr);
}

TEST(ReadAhead, AnswersAreThoseOfReadingAtTheEnd) {
  const std::string path = fixture(full_fixtures().front());
  Symbolizer plain;
  const auto expected = resolve_text(plain, plain.add_module({path, "", ""}), path);
  Symbolizer symbolizer;
  symbolizer.read_ahead().add({path, "", ""}, nullptr);
  symbolizer.read_ahead().start();
  ::usleep(300'000);  // past the delay; if it is not begun by then, the answers are to be the same as well
  const auto found = resolve_text(symbolizer, symbolizer.add_module({path, "", ""}), path);
  testing::expect_same(found, expected);
}

/// What is kept of a module's DWARF when its addresses were expected, and it was taken so much later.
std::size_t bytes_kept(const std::string& path, const std::vector<std::uint64_t>& addresses,
                       std::chrono::milliseconds later) {
  ReadAhead ahead({}, std::chrono::milliseconds(0));
  const ModuleFile file{path, "", ""};
  ahead.add(file, nullptr);
  for (const std::uint64_t address : addresses)
    ahead.expect(file, address);
  ahead.start();
  std::this_thread::sleep_for(later);
  const auto module = ahead.take(file);
  return module && module->dwarf ? module->dwarf->memory_bytes() : 0;
}

TEST(ReadAhead, AddressesThatAreExpectedAreLookedUp) {
  const std::string path = fixture(full_fixtures().front());
  Symbolizer symbolizer;
  std::vector<std::uint64_t> addresses;
  for (const auto& [address, chain] : resolve_text(symbolizer, symbolizer.add_module({path, "", ""}), path))
    addresses.push_back(address);
  ASSERT_FALSE(addresses.empty());
  std::chrono::milliseconds later{50};
  while (bytes_kept(path, addresses, later) <= bytes_kept(path, {}, later) && later.count() < 10'000)
    later *= 2;
  EXPECT_LT(later.count(), 10'000) << "nothing more is kept";
  EXPECT_EQ(bytes_kept(path, {~std::uint64_t{0}}, later), bytes_kept(path, {}, later)) << "no code is there";
}

/// Whether a module is read, though the delay is not over, or though it is to be read only if expected.
bool is_read(std::chrono::milliseconds delay, bool if_expected, bool is_expected) {
  ReadAhead ahead({}, delay);
  const ModuleFile file{fixture(full_fixtures().front()), "", ""};
  ahead.add(file, nullptr, if_expected);
  if (is_expected) ahead.expect(file, 0x1000);
  ahead.start();
  // one that is read is taken when it has begun: if it has not in so long a time, it will not
  for (int i = 0; i < (is_expected ? 500 : 5); ++i) {
    ::usleep(20'000);
    if (auto module = ahead.take(file)) return module->dwarf_loaded;
    ahead.add(file, nullptr, if_expected);
    if (is_expected) ahead.expect(file, 0x1000);
  }
  return false;
}

TEST(ReadAhead, WhatIsExpectedIsReadAtOnce) {
  EXPECT_TRUE(is_read(kNever, false, true));
  EXPECT_FALSE(is_read(kNever, false, false));
}

TEST(ReadAhead, WhatIsKnownIsReadOnlyIfMoreIsExpected) {
  EXPECT_TRUE(is_read(std::chrono::milliseconds(0), true, true));
  EXPECT_FALSE(is_read(std::chrono::milliseconds(0), true, false));
}

TEST(ReadAhead, WhatIsExpectedOfAModuleThatWasNotAddedIsNone) {
  ReadAhead ahead({}, std::chrono::milliseconds(0));
  ahead.expect({fixture(full_fixtures().front()), "", ""}, 0x1000);
  ahead.start();
  EXPECT_EQ(ahead.take({fixture(full_fixtures().front()), "", ""}), nullptr);
}

TEST(ReadAhead, NothingIsReadBeforeTheDelayIsOver) {
  ReadAhead ahead({}, kNever);
  const ModuleFile file{fixture(full_fixtures().front()), "", ""};
  ahead.add(file, nullptr);
  ahead.start();
  ::usleep(50'000);
  EXPECT_EQ(ahead.take(file), nullptr);
}  // and its end does not wait for the delay

TEST(ReadAhead, WithoutAStartNothingIsRead) {
  ReadAhead ahead({}, std::chrono::milliseconds(0));
  const ModuleFile file{fixture(full_fixtures().front()), "", ""};
  ahead.add(file, nullptr);
  ::usleep(50'000);
  EXPECT_EQ(ahead.take(file), nullptr);
}

TEST(ReadAhead, WhatIsDamagedIsLeftToWhoAsks) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/damaged";
  std::ofstream(path) << "\177ELF and no more";
  const ModuleFile file{path, "", ""};
  EXPECT_EQ(read_ahead(file), nullptr);

  Symbolizer symbolizer;
  symbolizer.read_ahead().add(file, nullptr);
  symbolizer.read_ahead().start();
  ::usleep(200'000);
  const auto module = symbolizer.add_module(file);
  (void)symbolizer.resolve(module, 0x1000, true);
  EXPECT_NE(symbolizer.note(module), "");
}

TEST(ReadAhead, AFileOfAnotherBuildIsNotTaken) {
  const std::string id = "00112233445566778899aabbccddeeff00112233";
  EXPECT_EQ(read_ahead({fixture(full_fixtures().front()), "", id}), nullptr);
}

TEST(ReadAhead, LargeFilesAreLeftOut) {
  const TemporaryFolder folder;
  const std::string path = copy_in(folder);
  EXPECT_NE(read_ahead({path, "", ""}), nullptr);
  std::filesystem::resize_file(path, std::uintmax_t{200} << 20U);  // a hole behind it
  EXPECT_EQ(read_ahead({path, "", ""}), nullptr);
}

TEST(ReadAhead, ADescriptorIsKeptUntilItsFileIsRead) {
  const TemporaryFolder folder;
  const std::string path = copy_in(folder);
  auto descriptor = std::make_shared<Descriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ModuleFile file{path, fmt::format("/proc/self/fd/{}", descriptor->get()), ""};
  std::filesystem::remove(path);
  const auto module = read_ahead(file, std::move(descriptor));
  ASSERT_NE(module, nullptr);
  EXPECT_NE(module->dwarf, nullptr);
}

}  // namespace
}  // namespace leakgate::symbolize

// SPDX-License-Identifier: Apache-2.0
// A file of frames whose numbers do not hold together.
#include "harness/symbolize/frame_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "harness/base/hash64.h"

namespace leakgate::symbolize {
namespace {

constexpr std::size_t kChecksumAt = 8;

const FrameOrigin kOrigin = {"a test", {1, 2, 3, 4, 5}, "/debug/file", {6, 7, 8, 9, 10}};
const FramesByAddress kFrames = {
    {0x1000, {{{"f", "f(int)"}, "/a.cpp", 12, 3, true}, {{"main", "main"}, "/a.cpp", 20, 1, false}}},
    {0x2000, {{{"", ""}, "", 0, 0, false}}},
    {~std::uint64_t{0}, {{{"g", "g()"}, "/b.cpp", ~0u, ~0u, false}}}};

std::vector<char> bytes_of(const FramesByAddress& frames) {
  const std::string text = write_frame_file(kOrigin, frames);
  return {text.begin(), text.end()};
}

/// As if whoever wrote it had meant it.
void seal(std::vector<char>& bytes) {
  Hash64 hash;
  constexpr std::size_t kSummedAt = kChecksumAt + sizeof(std::uint64_t);
  hash.add_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()) + kSummedAt, bytes.size() - kSummedAt});
  const std::uint64_t value = hash.value();
  std::memcpy(bytes.data() + kChecksumAt, &value, sizeof value);
}

TEST(FrameFile, IsReadAsItWasWritten) {
  const auto file = FrameFile::read(bytes_of(kFrames));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->origin(), kOrigin);
  EXPECT_EQ(file->size(), kFrames.size());
  EXPECT_EQ(file->all(), kFrames);
  for (const auto& [address, frames] : kFrames)
    EXPECT_EQ(file->find(address), frames);
  EXPECT_FALSE(file->has(0x1001));
  EXPECT_TRUE(FrameFile::read(bytes_of({})));
}

TEST(FrameFile, WhatIsWrittenOftenIsStoredOnce) {
  FramesByAddress many;
  const std::string name(1000, 'n');
  for (std::uint64_t address = 0; address < 1000; ++address)
    many[address] = {{{name, name}, name, 1, 1, false}};
  EXPECT_LT(bytes_of(many).size(), 100'000u);
}

TEST(FrameFile, NumbersOfWhatIsNotThereAreRefused) {
  const std::vector<char> whole = bytes_of(kFrames);
  std::size_t refused = 0;
  for (std::size_t at = kChecksumAt + 8; at + 4 <= whole.size(); at += 4)
    for (const std::uint32_t value : {0u, 9u, 0x7fff'ffffu, 0xffff'ffffu}) {
      std::vector<char> changed = whole;
      std::memcpy(changed.data() + at, &value, sizeof value);
      seal(changed);
      const auto file = FrameFile::read(changed);
      if (file)
        (void)file->all();  // nothing beyond what is there: the sanitizers look
      else
        ++refused;
    }
  EXPECT_GT(refused, 80u);
}

TEST(FrameFile, AddressesOutOfOrderAreRefused) {
  constexpr std::size_t kPlacesAt = 112, kPlaceBytes = 16;
  std::vector<char> changed = bytes_of(kFrames);
  const std::uint64_t address = 0x3000;
  std::memcpy(changed.data() + kPlacesAt, &address, sizeof address);
  seal(changed);
  EXPECT_FALSE(FrameFile::read(changed));
  const std::uint64_t next = 0x3001;
  std::memcpy(changed.data() + kPlacesAt + kPlaceBytes, &next, sizeof next);
  seal(changed);
  EXPECT_TRUE(FrameFile::read(changed));
}

}  // namespace
}  // namespace leakgate::symbolize

// SPDX-License-Identifier: Apache-2.0
// Reading in pieces: what is visited, how often memory is asked for, how holes are stepped over.
#include "harness/classify/memory_scan.h"

#include <gtest/gtest.h>

#include <cstring>

namespace leakgate::classify {
namespace {

constexpr std::uint64_t kBase = 0x10000;

/// Memory in which each word is its own address; pages in `holes` cannot be read.
struct Memory {
  std::vector<std::uint64_t> holes;
  int reads = 0;
  NextTouched touched;
  ReadMemory read = [this](std::uint64_t address, std::span<std::byte> out) {
    ++reads;
    std::size_t done = 0;
    for (; done + 8 <= out.size(); done += 8) {
      const std::uint64_t at = address + done;
      if (std::find(holes.begin(), holes.end(), at / 4096 * 4096) != holes.end()) break;
      std::memcpy(out.data() + done, &at, sizeof(at));
    }
    return done;
  };
};

std::vector<std::uint64_t> visited(MemoryScan& scan, std::uint64_t from, std::uint64_t end,
                                   std::uint64_t ahead) {
  std::vector<std::uint64_t> words;
  scan.scan(from, end, ahead, [&](std::uint64_t address, const std::uint64_t* data, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(data[i], address + i * 8);
      words.push_back(data[i]);
    }
  });
  return words;
}

TEST(MemoryScan, VisitsWholeAlignedWordsOnly) {
  Memory memory;
  MemoryScan scan(memory.read, memory.touched);
  EXPECT_EQ(visited(scan, kBase + 1, kBase + 31, 0), (std::vector<std::uint64_t>{kBase + 8, kBase + 16}));
  EXPECT_TRUE(visited(scan, kBase + 1, kBase + 15, 0).empty());
}

TEST(MemoryScan, NeighboursCostOneRead) {
  Memory memory;
  MemoryScan scan(memory.read, memory.touched);
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(visited(scan, kBase + i * 64, kBase + i * 64 + 40, kBase + 6400).size(), 5u);
  }
  EXPECT_EQ(memory.reads, 1);
}

TEST(MemoryScan, GoesOnAcrossWindowsOfAnySize) {
  Memory memory;
  MemoryScan scan(memory.read, memory.touched, 24);
  EXPECT_EQ(visited(scan, kBase, kBase + 800, 0).size(), 100u);
  EXPECT_EQ(scan.scanned_bytes(), 800u);
}

TEST(MemoryScan, StepsOverUnreadablePagesAndCountsThem) {
  Memory memory;
  memory.holes = {kBase + 4096, kBase + 8192};
  MemoryScan scan(memory.read, memory.touched);
  EXPECT_EQ(visited(scan, kBase, kBase + 4 * 4096, 0).size(), 2 * 512u);
  EXPECT_EQ(scan.unreadable_bytes(), 8192u);
}

TEST(MemoryScan, AsksOnceForAnUnreadablePageFullOfBlocks) {
  Memory memory;
  memory.holes = {kBase};
  MemoryScan scan(memory.read, memory.touched);
  for (std::uint64_t i = 0; i < 64; ++i)
    EXPECT_TRUE(visited(scan, kBase + i * 64, kBase + i * 64 + 32, kBase + 4096).empty());
  EXPECT_EQ(memory.reads, 1);
  EXPECT_EQ(scan.unreadable_bytes(), 64 * 32u);
}

TEST(MemoryScan, ReservedTerabytesEndSoon) {
  int reads = 0;
  const ReadMemory nothing = [&reads](std::uint64_t, std::span<std::byte>) {
    ++reads;
    return std::size_t{0};
  };
  const NextTouched all;
  MemoryScan scan(nothing, all);
  EXPECT_TRUE(visited(scan, kBase, kBase + (std::uint64_t{16} << 40), 0).empty());
  EXPECT_LT(reads, 100'000);
  EXPECT_EQ(scan.unreadable_bytes(), std::uint64_t{16} << 40);
}

TEST(MemoryScan, NeverTouchedMemoryIsNeitherReadNorCounted) {
  Memory memory;
  memory.touched = [](std::uint64_t from, std::uint64_t end) {
    return from < kBase + 0x100000 ? std::min(end, kBase + 0x100000) : from;
  };
  MemoryScan scan(memory.read, memory.touched);
  EXPECT_EQ(visited(scan, kBase, kBase + 0x100010, 0).size(), 2u);
  EXPECT_EQ(memory.reads, 1);
  EXPECT_EQ(scan.unreadable_bytes(), 0u);
}

TEST(MemoryScan, NeverTouchedTerabytesAreSteppedOverAtOnce) {
  Memory memory;
  constexpr std::uint64_t kTouched = std::uint64_t{1} << 50, kEnd = std::uint64_t{1} << 52;
  int asked = 0;
  memory.touched = [&](std::uint64_t from, std::uint64_t end) {
    ++asked;
    return from <= kTouched ? std::min(end, kTouched) : end;
  };
  MemoryScan scan(memory.read, memory.touched, 4096);
  std::uint64_t words = 0;
  scan.scan(kBase, kEnd, kEnd,
            [&](std::uint64_t, const std::uint64_t*, std::size_t count) { words += count; });
  EXPECT_EQ(words, 512u);
  EXPECT_LE(asked, 3);
  EXPECT_EQ(scan.unreadable_bytes(), 0u);
}

TEST(MemoryScan, BlocksInTheSameUntouchedHoleAreNotCountedAsUnreadable) {
  Memory memory;
  int asked = 0;
  memory.touched = [&asked](std::uint64_t, std::uint64_t end) {
    ++asked;
    return end;
  };
  MemoryScan scan(memory.read, memory.touched);
  for (std::uint64_t i = 0; i < 64; ++i) {
    EXPECT_TRUE(visited(scan, kBase + i * 64, kBase + i * 64 + 32, kBase + 4096).empty());
  }
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(memory.reads, 0);
  EXPECT_EQ(scan.unreadable_bytes(), 0u);
}

TEST(MemoryScan, ReaderThatClaimsTooMuchIsNotBelieved) {
  const ReadMemory boast = [](std::uint64_t, std::span<std::byte> out) {
    std::memset(out.data(), 0, out.size());
    return out.size() * 10;
  };
  const NextTouched all;
  MemoryScan scan(boast, all, 64);
  std::size_t words = 0;
  scan.scan(kBase, kBase + 256, 0,
            [&](std::uint64_t, const std::uint64_t*, std::size_t count) { words += count; });
  EXPECT_EQ(words, 32u);
}

}  // namespace
}  // namespace leakgate::classify

// SPDX-License-Identifier: Apache-2.0
// Files that are cut short or spoilt: any answer but a crash, a hang or a table that breaks its rules.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <span>

#include "harness/capture/unwind/unwind_table.h"
#include "tests/unit/capture_unwind/elf_bytes.h"

using leakgate::capture::build_unwind_table;
using leakgate::capture::find_rule;
using leakgate::unwind_test::Bytes;
using leakgate::unwind_test::CfiWriter;
using leakgate::unwind_test::ElfSpec;
using leakgate::unwind_test::make_elf;

namespace {

Bytes sample(bool sections) {
  ElfSpec spec;
  spec.eh_frame =
      CfiWriter()
          .common("zPLR")
          .common()
          .range(0x1000, 0x40, {0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x0a, 0x4a, 0xc6, 0x0c, 7, 8, 0x0b})
          .range(0x1040, 0x40, {0x0f, 3, 0x76, 0x78, 0x06, 0x02, 0x10, 0x2e, 0x80, 1})
          .bytes();
  spec.debug_frame = CfiWriter(false).common("").range(0x1080, 8, {0x41, 0x0e, 16}).bytes();
  spec.code = Bytes(64, 0xf3);
  spec.plt_size = 64;
  spec.build_id = {1, 2, 3, 4};
  spec.entry = 0x1100;
  spec.sections = sections;
  return make_elf(spec);
}

/// Builds, and looks at the table the way a reader would.
void try_build(const Bytes& file) {
  const auto table = build_unwind_table(std::span<const std::uint8_t>(file));
  if (!table || table->rows.empty()) return;
  for (std::size_t i = 0; i + 1 < table->rows.size(); ++i)
    ASSERT_LT(table->rows[i].pc, table->rows[i + 1].pc);
  for (const std::uint64_t pc : {0U, 0xfffU, 0x1000U, 0x1050U, 0x2000U, 0xffffffffU}) {
    ASSERT_LE(LG_RULE_KIND(find_rule(*table, pc)), std::uint32_t{LG_RULE_LAST});
  }
}

TEST(UnwindHostile, FileCutAtAnyLength) {
  for (const bool sections : {true, false}) {
    const Bytes file = sample(sections);
    for (std::size_t size = 0; size < file.size(); ++size) {
      try_build(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)));
    }
  }
}

TEST(UnwindHostile, EveryByteSetToExtremes) {
  for (const bool sections : {true, false}) {
    const Bytes file = sample(sections);
    for (std::size_t i = 0; i < file.size(); ++i) {
      for (const std::uint8_t value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        Bytes bad = file;
        bad[i] = value;
        try_build(bad);
      }
    }
  }
}

TEST(UnwindHostile, RandomDamage) {
  const Bytes file = sample(true);
  std::mt19937 random(20240607);
  for (int turn = 0; turn < 5000; ++turn) {
    Bytes bad = file;
    for (int i = 0; i < 8; ++i)
      bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
    try_build(bad);
  }
}

/// Work must stay in proportion to the file: entries that point at one huge entry, and tables that repeat.
TEST(UnwindHostile, EntriesThatShareAHugeCommonEntryCostNoMoreThanTheirBytes) {
  CfiWriter writer;
  writer.common("zR", Bytes(1 << 20, 0x00));
  for (std::uint64_t i = 0; i < 30000; ++i)
    writer.range(0x1000 + i * 16, 16, {0x41, 0x0e, 16});
  ElfSpec spec;
  spec.eh_frame = writer.bytes();
  const Bytes file = make_elf(spec);
  const auto start = std::chrono::steady_clock::now();
  const auto table = build_unwind_table(std::span<const std::uint8_t>(file));
  ASSERT_TRUE(table);
  EXPECT_GT(table->rows.size(), 30000U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(UnwindHostile, LinkageFormOverAHugeRangeIsNotSpelledOut) {
  const Bytes ibt = {0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x39, 0x2a, 0x33, 0x24, 0x22};
  ElfSpec spec;
  spec.code_address = 0x1000;
  spec.eh_frame = CfiWriter().common().range(0x1000, 0x100000, ibt).bytes();
  const Bytes file = make_elf(spec);
  const auto table = build_unwind_table(std::span<const std::uint8_t>(file));
  ASSERT_TRUE(table);
  EXPECT_LE(table->rows.size(), std::size_t{0x100000 / 8 + 2});
}

}  // namespace

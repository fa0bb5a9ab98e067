// SPDX-License-Identifier: Apache-2.0
// From ELF file to table: where CFI is found, gaps, overlaps, linkage tables, the page index.
#include "harness/capture/unwind/unwind_table.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "harness/base/descriptor.h"
#include "tests/unit/capture_unwind/elf_bytes.h"

using leakgate::Descriptor;
using leakgate::ErrorKind;
using leakgate::capture::build_unwind_table;
using leakgate::capture::find_rule;
using leakgate::capture::index_rows;
using leakgate::capture::kPageShift;
using leakgate::capture::UnwindTable;
using leakgate::unwind_test::Bytes;
using leakgate::unwind_test::CfiWriter;
using leakgate::unwind_test::ElfSpec;
using leakgate::unwind_test::make_elf;

namespace {

constexpr std::uint32_t kPlain = LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0);
constexpr std::uint32_t kPushed = LG_RULE_MAKE(LG_RULE_RSP, 16, 0, 0);

UnwindTable table_of(const ElfSpec& spec) {
  const Bytes file = make_elf(spec);
  auto table = build_unwind_table(std::span<const std::uint8_t>(file));
  EXPECT_TRUE(table) << (table ? "" : table.error().message);
  return table ? std::move(*table) : UnwindTable{};
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs(const UnwindTable& table) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> result;
  for (const lg_row& row : table.rows)
    result.emplace_back(row.pc, row.rule);
  return result;
}

using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

TEST(UnwindTable, GapsBetweenRangesHaveNoRule) {
  ElfSpec spec;
  spec.eh_frame =
      CfiWriter().common().range(0x1080, 0x10).range(0x10a0, 0x10).range(0x10b0, 8, {0x0e, 16}).bytes();
  const UnwindTable table = table_of(spec);
  EXPECT_EQ(pairs(table), (Pairs{{0x1080, kPlain},
                                 {0x1090, LG_RULE_NONE},
                                 {0x10a0, kPlain},
                                 {0x10b0, kPushed},
                                 {0x10b8, LG_RULE_NONE}}));
}

TEST(UnwindTable, FirstRowStartsAtAPage) {
  ElfSpec spec;
  spec.eh_frame = CfiWriter().common().range(0x10a3, 0x10).bytes();
  const UnwindTable table = table_of(spec);
  EXPECT_EQ(pairs(table), (Pairs{{0x1080, LG_RULE_NONE}, {0x10a3, kPlain}, {0x10b3, LG_RULE_NONE}}));
  EXPECT_EQ(table.origin, 0x1080U);
  EXPECT_EQ(table.limit, 0x10b3U);
}

TEST(UnwindTable, LaterStartCutsTheEarlierRange) {
  ElfSpec spec;
  spec.eh_frame = CfiWriter().common().range(0x1000, 0x100).range(0x1040, 0x10, {0x0e, 16}).bytes();
  EXPECT_EQ(pairs(table_of(spec)), (Pairs{{0x1000, kPlain}, {0x1040, kPushed}, {0x1050, LG_RULE_NONE}}));
}

TEST(UnwindTable, FirstInFileWinsAmongEqualStartsInAnyOrderOfRanges) {
  ElfSpec spec;
  spec.eh_frame =
      CfiWriter().common().range(0x1080, 8).range(0x1000, 0x20, {0x0e, 16}).range(0x1000, 0x40).bytes();
  EXPECT_EQ(pairs(table_of(spec)),
            (Pairs{{0x1000, kPushed}, {0x1020, LG_RULE_NONE}, {0x1080, kPlain}, {0x1088, LG_RULE_NONE}}));
}

TEST(UnwindTable, RangesOutsideExecutableSegmentsAreLeftOut) {
  ElfSpec spec;
  spec.eh_frame = CfiWriter().common().range(0, 0x20).range(0x1000, 0x10).range(0x400000, 0x10).bytes();
  EXPECT_EQ(pairs(table_of(spec)), (Pairs{{0x1000, kPlain}, {0x1010, LG_RULE_NONE}}));
}

TEST(UnwindTable, EhFrameIsFoundWithoutSectionHeaders) {
  ElfSpec spec;
  spec.eh_frame = CfiWriter().common().range(0x1000, 0x10).bytes();
  const Pairs with = pairs(table_of(spec));
  spec.sections = false;
  EXPECT_EQ(pairs(table_of(spec)), with);
  EXPECT_EQ(with.size(), 2U);
}

TEST(UnwindTable, DebugFrameFillsOnlyWhatEhFrameLeaves) {
  ElfSpec spec;
  spec.eh_frame = CfiWriter().common().range(0x1000, 0x20).bytes();
  spec.debug_frame =
      CfiWriter(false).common("").range(0x1010, 8, {0x0e, 16}).range(0x1020, 8, {0x0e, 16}).bytes();
  EXPECT_EQ(pairs(table_of(spec)), (Pairs{{0x1000, kPlain}, {0x1020, kPushed}, {0x1028, LG_RULE_NONE}}));
  spec.eh_frame.clear();
  EXPECT_EQ(pairs(table_of(spec)), (Pairs{{0x1000, LG_RULE_NONE},
                                          {0x1010, kPushed},
                                          {0x1018, LG_RULE_NONE},
                                          {0x1020, kPushed},
                                          {0x1028, LG_RULE_NONE}}));
}

TEST(UnwindTable, ModuleWithoutCfiHasAnEmptyTable) {
  const UnwindTable table = table_of(ElfSpec{});
  EXPECT_TRUE(table.rows.empty());
  EXPECT_EQ(find_rule(table, 0x1000), std::uint32_t{LG_RULE_NONE});
}

TEST(UnwindTable, LinkageTableWithoutCfiGetsRows) {
  ElfSpec spec;
  spec.plt_size = 0x40;
  spec.code = Bytes(0x40, 0x90);
  EXPECT_EQ(pairs(table_of(spec)),
            (Pairs{{0x1000, LG_RULE_MAKE(LG_RULE_PLT, 8, 0, 0)}, {0x1040, LG_RULE_NONE}}));
}

TEST(UnwindTable, LinkageTableWithEndbranchIsRecognised) {
  ElfSpec spec;
  spec.plt_size = 0x20;
  spec.code = Bytes(0x20, 0x90);
  const Bytes endbranch = {0xf3, 0x0f, 0x1e, 0xfa};
  std::copy(endbranch.begin(), endbranch.end(), spec.code.begin() + 16);
  const UnwindTable table = table_of(spec);
  EXPECT_EQ(find_rule(table, 0x1018), kPlain);
  EXPECT_EQ(find_rule(table, 0x1019), kPushed);
}

TEST(UnwindTable, EntryPointWithoutCfiIsTheEnd) {
  ElfSpec spec;
  spec.eh_frame = CfiWriter().common().range(0x1000, 0x10).bytes();
  spec.entry = 0x1100;
  const UnwindTable table = table_of(spec);
  EXPECT_EQ(find_rule(table, 0x1110), std::uint32_t{LG_RULE_END});
  spec.entry = 0x1008;
  EXPECT_EQ(find_rule(table_of(spec), 0x1008), kPlain);
}

TEST(UnwindTable, SignalTrampolineWithoutCfiIsFoundByItsInstructions) {
  ElfSpec spec;
  spec.code = Bytes(0x100, 0xcc);
  const Bytes code = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
  std::copy(code.begin(), code.end(), spec.code.begin() + 0x40);
  spec.eh_frame = CfiWriter().common().range(0x1000, 0x10).range(0x10f0, 0x10).bytes();
  const UnwindTable table = table_of(spec);
  EXPECT_EQ(find_rule(table, 0x103e), std::uint32_t{LG_RULE_NONE});
  EXPECT_EQ(find_rule(table, 0x103f), std::uint32_t{LG_RULE_SIGNAL});  // its return address, minus one
  EXPECT_EQ(find_rule(table, 0x1048), std::uint32_t{LG_RULE_SIGNAL});
  EXPECT_EQ(find_rule(table, 0x1049), std::uint32_t{LG_RULE_NONE});
}

TEST(UnwindTable, AddressesBeyondFourGigabytesGetABase) {
  ElfSpec spec;
  spec.eh_frame = CfiWriter().common().range(0x1000, 0x10).bytes();
  Bytes file = make_elf(spec);
  // Both segments and the FDE, which hold absolute addresses, are moved up by the same distance.
  constexpr std::uint64_t distance = 0xffffffff00000000U;
  for (std::size_t i = 0; i < 2; ++i) {
    Elf64_Phdr header;
    std::uint8_t* at = file.data() + sizeof(Elf64_Ehdr) + i * sizeof header;
    std::memcpy(&header, at, sizeof header);
    header.p_vaddr += distance;
    std::memcpy(at, &header, sizeof header);
  }
  const Bytes needle = {0x00, 0x10, 0, 0, 0, 0, 0, 0};
  auto found = std::search(file.begin() + 0x100, file.end(), needle.begin(), needle.end());
  ASSERT_NE(found, file.end());
  std::fill(found + 4, found + 8, std::uint8_t{0xff});
  const auto table = build_unwind_table(std::span<const std::uint8_t>(file));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->base, distance + 0x1000);
  EXPECT_EQ(find_rule(*table, distance + 0x1008 - table->base), kPlain);
}

TEST(UnwindTable, OtherProcessorsAndOtherFilesAreErrors) {
  ElfSpec spec;
  Bytes file = make_elf(spec);
  file[offsetof(Elf64_Ehdr, e_machine)] = EM_AARCH64;
  const auto other = build_unwind_table(std::span<const std::uint8_t>(file));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::unsupported);
  const Bytes text(100, 'x');
  const auto not_elf = build_unwind_table(std::span<const std::uint8_t>(text));
  ASSERT_FALSE(not_elf);
  EXPECT_EQ(not_elf.error().kind, ErrorKind::format);
  EXPECT_FALSE(build_unwind_table(-1));
  const Descriptor directory(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_FALSE(build_unwind_table(directory.get()));
}

/// Every row of a real module, found through the page index at its first and its last pc.
TEST(UnwindTable, PageIndexFindsEveryRowOfThisProgram) {
  const Descriptor fd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto table = build_unwind_table(fd.get());
  ASSERT_TRUE(table);
  ASSERT_GT(table->rows.size(), 1000U);
  for (std::size_t i = 0; i + 1 < table->rows.size(); ++i) {
    ASSERT_LT(table->rows[i].pc, table->rows[i + 1].pc);
    ASSERT_EQ(find_rule(*table, table->rows[i].pc), table->rows[i].rule);
    ASSERT_EQ(find_rule(*table, table->rows[i + 1].pc - 1), table->rows[i].rule);
  }
  ASSERT_EQ(table->pages.size(), ((table->limit - table->origin - 1) >> kPageShift) + 2);
  std::uint32_t span = 0;
  for (std::size_t i = 0; i + 1 < table->pages.size(); ++i) {
    const std::uint64_t start = table->origin + (std::uint64_t{i} << kPageShift);
    ASSERT_LE(table->rows[table->pages[i]].pc, start);
    ASSERT_GT(table->rows[table->pages[i] + 1].pc, start);
    span = std::max(span, table->pages[i + 1] - table->pages[i]);
  }
  EXPECT_EQ(table->max_span, span);
  EXPECT_LE(static_cast<double>(table->rows.size()) / static_cast<double>(table->pages.size()), 8.0);
}

TEST(UnwindTable, SectionHeadersAreNotNeededForARealModule) {
  std::ifstream stream("/proc/self/exe", std::ios::binary);
  Bytes file{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const auto with = build_unwind_table(std::span<const std::uint8_t>(file));
  auto* header = reinterpret_cast<Elf64_Ehdr*>(file.data());
  header->e_shoff = 0;
  header->e_shnum = header->e_shstrndx = 0;
  const auto without = build_unwind_table(std::span<const std::uint8_t>(file));
  ASSERT_TRUE(with && without);
  EXPECT_EQ(pairs(*with), pairs(*without));
}

TEST(UnwindTableIndex, RowsOutOfOrderAreRefused) {
  UnwindTable table;
  const auto refused = [&](std::vector<lg_row> rows) {
    table.rows = std::move(rows);
    return !index_rows(table) && table.pages.empty();
  };
  EXPECT_TRUE(refused({{0x1000, kPlain}, {0x1000, kPushed}, {0x1010, LG_RULE_NONE}}));
  EXPECT_TRUE(refused({{0x1000, kPlain}, {0x0800, kPushed}, {0x1010, LG_RULE_NONE}}));
  EXPECT_TRUE(refused({{0x1000, kPlain}, {0x2000, kPushed}, {0x1010, LG_RULE_NONE}}));
  EXPECT_TRUE(refused({{0x1000, kPlain}, {0x0010, LG_RULE_NONE}}));
  EXPECT_TRUE(refused({{0x1001, kPlain}, {0x1010, LG_RULE_NONE}}));
  EXPECT_TRUE(refused({{0x1000, kPlain}, {0x1010, kPlain}}));
  EXPECT_TRUE(refused({{0x1000, 15}, {0x1010, LG_RULE_NONE}}));
  EXPECT_TRUE(refused({{0x0, kPlain}, {0xfffffff0U, LG_RULE_NONE}}));  // 4 GB of code: too many pages
  EXPECT_FALSE(refused({{0x1000, kPlain}, {0x1010, LG_RULE_NONE}}));
}

}  // namespace

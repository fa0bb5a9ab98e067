// SPDX-License-Identifier: Apache-2.0
// Each call frame instruction, and each state that has a row or has none, through hand-made FDEs.
#include "harness/capture/unwind/cfi_interpreter.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/capture_unwind/elf_bytes.h"

using leakgate::capture::CfiBytes;
using leakgate::capture::CfiSection;
using leakgate::capture::RowSink;
using leakgate::unwind_test::Bytes;
using leakgate::unwind_test::CfiWriter;

namespace {

constexpr std::uint32_t kPlain = LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0);

using Row = std::pair<std::uint32_t, std::uint32_t>;
using Rows = std::vector<Row>;

Rows rows_of(const CfiWriter& writer, std::size_t index = 0) {
  static Bytes bytes;
  bytes = writer.bytes();
  CfiBytes input;
  input.data = bytes.data();
  input.size = bytes.size();
  input.address = 0x8000;
  const CfiSection section = leakgate::capture::read_cfi_section(input);
  if (index >= section.ranges.size()) return {};
  std::vector<lg_row> rows;
  RowSink sink(rows, 1000);
  leakgate::capture::put_range_rows(section, section.ranges[index], section.ranges[index].end, 0, sink);
  Rows result;
  for (const lg_row& row : rows)
    result.emplace_back(row.pc, row.rule);
  return result;
}

/// Rows of one FDE over [0x1000, 0x1100).
Rows rows_of(const Bytes& instructions) {
  return rows_of(CfiWriter().common().range(0x1000, 0x100, instructions));
}

/// The rule of an FDE whose instructions never move.
std::uint32_t rule_of(const Bytes& instructions) {
  const Rows rows = rows_of(instructions);
  return rows.size() == 1 ? rows[0].second : 0xffffffffU;
}

TEST(CfiInterpreter, InitialInstructionsHoldWhereAnFdeHasNone) {
  EXPECT_EQ(rows_of(Bytes{}), (Rows{{0x1000, kPlain}}));
}

TEST(CfiInterpreter, FramePointerPrologueAndEpilogue) {
  const Rows rows = rows_of({0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x4a, 0xc6, 0x0c, 7, 8});
  const std::uint32_t saved = LG_RULE_MAKE(LG_RULE_RSP, 16, 0, -16);
  const std::uint32_t frame = LG_RULE_MAKE(LG_RULE_RBP, 16, 0, -16);
  EXPECT_EQ(rows, (Rows{{0x1000, kPlain}, {0x1001, saved}, {0x1004, frame}, {0x100e, kPlain}}));
}

TEST(CfiInterpreter, RememberAndRestoreStateBringBackTheWholeRow) {
  const Rows rows = rows_of({0x0e, 32, 0x86, 3, 0x0a, 0x41, 0x0e, 8, 0xc6, 0x41, 0x0b});
  const std::uint32_t deep = LG_RULE_MAKE(LG_RULE_RSP, 32, 0, -24);
  EXPECT_EQ(rows, (Rows{{0x1000, deep}, {0x1001, kPlain}, {0x1002, deep}}));
}

TEST(CfiInterpreter, AdvanceInstructionsOfEveryWidth) {
  const Rows rows = rows_of({0x02, 0x10, 0x0e, 16, 0x03, 0x10, 0, 0x0e, 24, 0x04, 0x10, 0, 0, 0, 0x0e, 32});
  EXPECT_EQ(rows, (Rows{{0x1000, kPlain},
                        {0x1010, LG_RULE_MAKE(LG_RULE_RSP, 16, 0, 0)},
                        {0x1020, LG_RULE_MAKE(LG_RULE_RSP, 24, 0, 0)},
                        {0x1030, LG_RULE_MAKE(LG_RULE_RSP, 32, 0, 0)}}));
}

TEST(CfiInterpreter, SetLocMovesForwardOnly) {
  EXPECT_EQ(rows_of({0x01, 0x80, 0x10, 0, 0, 0, 0, 0, 0, 0x0e, 16}),
            (Rows{{0x1000, kPlain}, {0x1080, LG_RULE_MAKE(LG_RULE_RSP, 16, 0, 0)}}));
  EXPECT_EQ(rows_of({0x01, 0x80, 0x00, 0, 0, 0, 0, 0, 0, 0x0e, 16}), (Rows{{0x1000, LG_RULE_UNSUPPORTED}}));
}

TEST(CfiInterpreter, RowsBeyondTheRangeAreCut) {
  EXPECT_EQ(rows_of({0x04, 0, 1, 0, 0, 0x0e, 16}), (Rows{{0x1000, kPlain}}));
}

TEST(CfiInterpreter, EqualNeighboursAreMerged) {
  EXPECT_EQ(rows_of({0x41, 0x83, 3, 0x41, 0x8c, 4, 0x41}), (Rows{{0x1000, kPlain}}));
}

TEST(CfiInterpreter, ArgumentSizeIsSkipped) {
  EXPECT_EQ(rule_of({0x2e, 16, 0x0e, 16}), LG_RULE_MAKE(LG_RULE_RSP, 16, 0, 0));
}

TEST(CfiInterpreter, SignedForms) {
  EXPECT_EQ(rule_of({0x12, 7, 0x7e}), LG_RULE_MAKE(LG_RULE_RSP, 16, 0, 0));  // def_cfa_sf rsp, -2 * -8
  EXPECT_EQ(rule_of({0x13, 0x7d}), LG_RULE_MAKE(LG_RULE_RSP, 24, 0, 0));     // def_cfa_offset_sf
  EXPECT_EQ(rule_of({0x0e, 32, 0x11, 6, 2}), LG_RULE_MAKE(LG_RULE_RSP, 32, 0, -16));  // offset_extended_sf
  EXPECT_EQ(rule_of({0x0e, 32, 0x05, 6, 3}), LG_RULE_MAKE(LG_RULE_RSP, 32, 0, -24));  // offset_extended
}

TEST(CfiInterpreter, UndefinedReturnAddressIsTheEnd) {
  EXPECT_EQ(rule_of({0x07, 16}), std::uint32_t{LG_RULE_END});
}

TEST(CfiInterpreter, DerefExpressionsOfBothRegisters) {
  EXPECT_EQ(rule_of({0x0f, 3, 0x76, 0x78, 0x06}), LG_RULE_MAKE(LG_RULE_RBP_DEREF, -8, 0, 0));
  EXPECT_EQ(rule_of({0x0f, 3, 0x77, 0x18, 0x06}), LG_RULE_MAKE(LG_RULE_RSP_DEREF, 24, 0, 0));
  EXPECT_EQ(rule_of({0x0f, 5, 0x77, 0x18, 0x06, 0x23, 0}), LG_RULE_MAKE(LG_RULE_RSP_DEREF, 24, 0, 0));
  EXPECT_EQ(rule_of({0x0f, 5, 0x77, 0x18, 0x06, 0x23, 8}), LG_RULE_MAKE(LG_RULE_RSP_DEREF_PLUS8, 24, 0, 0));
  EXPECT_EQ(rule_of({0x0f, 5, 0x76, 0x78, 0x06, 0x23, 8}), LG_RULE_MAKE(LG_RULE_RBP_DEREF_PLUS8, -8, 0, 0));
}

TEST(CfiInterpreter, RealignedFrameSavesRbpWhereRbpPoints) {
  EXPECT_EQ(rule_of({0x10, 6, 2, 0x76, 0, 0x0f, 3, 0x76, 0x78, 0x06}),
            LG_RULE_MAKE(LG_RULE_RBP_DEREF, -8, 1, 0));
  EXPECT_EQ(rule_of({0x0c, 6, 16, 0x10, 6, 2, 0x76, 0x70}), LG_RULE_MAKE(LG_RULE_RBP, 16, 0, -32));
}

TEST(CfiInterpreter, WhatHasNoRowIsUnsupported) {
  const std::vector<Bytes> cases = {
      {0x0c, 10, 0},                          // CFA by r10
      {0x0c, 3, 16},                          // CFA by rbx
      {0x0e, 12},                             // not a multiple of 8
      {0x0e, 0x80, 0x80, 0x80, 0x10},         // 32 MiB: one beyond the largest field
      {0x0c, 6, 0x80, 0x80, 0x10},            // rbp + 262144
      {0x0e, 0x80, 0x80, 0x10, 0x05, 6, 65},  // a large frame that saves rbp 520 below the CFA
      {0x0c, 6, 16, 0x05, 6, 0x81, 8},        // rbp 8200 below the CFA
      {0x11, 16, 0x02},                       // return address at CFA - 16
      {0x09, 16, 3},                          // return address in rbx
      {0x09, 6, 3},                           // rbp in rbx
      {0x07, 6},                              // rbp lost
      {0x14, 6, 1},                           // rbp a value
      {0x16, 6, 2, 0x77, 8},                  // rbp a computed value
      {0x14, 7, 1},                           // rsp not the CFA
      {0x0f, 5, 0x77, 0x18, 0x06, 0x23, 16},  // another constant than 8 after the load
      {0x0f, 4, 0x77, 0x18, 0x06, 0x06},      // loaded twice
      {0x0f, 1, 0x30},                        // an unknown expression
      {0x11, 6, 0},                           // rbp at the CFA itself
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(rule_of(cases[i]), std::uint32_t{LG_RULE_UNSUPPORTED}) << "case " << i;
  }
}

TEST(CfiInterpreter, FramesOfLargeArraysHaveARuleOfTheirOwn) {
  EXPECT_EQ(rule_of({0x0e, 0x80, 0x80, 0x10}), LG_RULE_MAKE_FAR(262144, 0));
  const std::uint32_t far = rule_of({0x0e, 0xf8, 0xff, 0xff, 0x0f, 0x86, 6});  // rbp at CFA - 48
  EXPECT_EQ(far, LG_RULE_MAKE_FAR(33554424, -48));
  EXPECT_EQ(LG_RULE_KIND(far), std::uint32_t{LG_RULE_RSP_FAR});
  EXPECT_EQ(LG_RULE_FAR_OFF(far), 33554424);
  EXPECT_EQ(LG_RULE_FAR_RBP_OFF(far), -48);
  EXPECT_EQ(LG_RULE_FAR_RBP_OFF(LG_RULE_MAKE_FAR(262144, -512)), -512);
}

TEST(CfiInterpreter, LargestOffsetsFit) {
  EXPECT_EQ(rule_of({0x0e, 0xf8, 0xff, 0x0f}), LG_RULE_MAKE(LG_RULE_RSP, 262136, 0, 0));
  const std::uint32_t far = rule_of({0x0c, 6, 16, 0x05, 6, 0x80, 8});
  EXPECT_EQ(far, LG_RULE_MAKE(LG_RULE_RBP, 16, 0, -8192));
  EXPECT_EQ(LG_RULE_RBP_OFF(far), -8192);
}

TEST(CfiInterpreter, MalformedInstructionsEndTheRowsBeforeThem) {
  const std::uint32_t pushed = LG_RULE_MAKE(LG_RULE_RSP, 16, 0, 0);
  for (const Bytes& bad : {Bytes{0x3f}, Bytes{0x0b}, Bytes{0x0c, 7}, Bytes{0x0f, 9, 0x77}, Bytes{0x04, 1}}) {
    Bytes code = {0x41, 0x0e, 16, 0x41};
    leakgate::unwind_test::append_all(code, bad);
    EXPECT_EQ(rows_of(code), (Rows{{0x1000, kPlain}, {0x1001, pushed}, {0x1002, LG_RULE_UNSUPPORTED}}));
  }
}

TEST(CfiInterpreter, RememberedStatesAreBounded) {
  EXPECT_EQ(rule_of(Bytes(1000, 0x0a)), std::uint32_t{LG_RULE_UNSUPPORTED});
  EXPECT_EQ(rule_of(Bytes(60, 0x0a)), kPlain);
}

const Bytes kSignalState = {0x0f, 4, 0x77, 0xa0, 1,    6, 0x10, 6,  3, 0x77, 0xf8, 0,
                            0x10, 7, 3,    0x77, 0xa0, 1, 0x10, 16, 3, 0x77, 0xa8, 1};

TEST(CfiInterpreter, SignalFrameOfTheKernel) {
  EXPECT_EQ(rows_of(CfiWriter().common("zRS").range(0x1000, 10, kSignalState)),
            (Rows{{0x1000, LG_RULE_SIGNAL}}));
}

TEST(CfiInterpreter, OtherSignalFramesAreUnsupported) {
  EXPECT_EQ(rows_of(CfiWriter().common("zRS").range(0x1000, 10)), (Rows{{0x1000, LG_RULE_UNSUPPORTED}}));
}

TEST(CfiInterpreter, LazyLinkageTable) {
  const Bytes lazy = {0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
  EXPECT_EQ(rule_of(lazy), LG_RULE_MAKE(LG_RULE_PLT, 8, 0, 0));
}

TEST(CfiInterpreter, LinkageTableWithEndbranchIsSpelledOut) {
  const Bytes ibt = {0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x39, 0x2a, 0x33, 0x24, 0x22};
  const std::uint32_t pushed = LG_RULE_MAKE(LG_RULE_RSP, 16, 0, 0);
  EXPECT_EQ(rows_of(CfiWriter().common().range(0x1000, 0x20, ibt)),
            (Rows{{0x1000, kPlain}, {0x1009, pushed}, {0x1010, kPlain}, {0x1019, pushed}}));
}

TEST(CfiSectionReader, InitialInstructionsThatMoveMakeTheirRangesUnsupported) {
  EXPECT_EQ(rows_of(CfiWriter().common("zR", {0x41}).range(0x1000, 10)),
            (Rows{{0x1000, LG_RULE_UNSUPPORTED}}));
}

TEST(CfiSectionReader, RangeWithoutItsCommonEntryIsLeftOut) {
  EXPECT_TRUE(rows_of(CfiWriter().range(0x1000, 10)).empty());
}

TEST(CfiSectionReader, RestoreGoesBackToTheCommonEntrysRule) {
  const Rows rows = rows_of(CfiWriter()
                                .common("zR", {0x0e, 16, 0x86, 2})
                                .range(0x1000, 0x10, {0x41, 0x86, 3, 0x41, 0xc6, 0x41, 0x06, 6}));
  EXPECT_EQ(rows, (Rows{{0x1000, LG_RULE_MAKE(LG_RULE_RSP, 16, 0, -16)},
                        {0x1001, LG_RULE_MAKE(LG_RULE_RSP, 16, 0, -24)},
                        {0x1002, LG_RULE_MAKE(LG_RULE_RSP, 16, 0, -16)}}));
}

struct Encoded {
  std::uint8_t encoding;
  Bytes bytes;
  std::uint64_t
      value;  ///< with the bytes at address 0x5003, text at 0x100000, data at 0x200000, function at 0x300000
};

TEST(CfiSectionReader, PointerEncodings) {
  const std::vector<Encoded> cases = {
      {0x00, {1, 2, 3, 4, 5, 6, 7, 8}, 0x0807060504030201U},
      {0x01, {0x81, 0x01}, 0x81},
      {0x02, {0xfe, 0xff}, 0xfffe},
      {0x03, {0xfe, 0xff, 0xff, 0xff}, 0xfffffffe},
      {0x09, {0x7f}, ~std::uint64_t{0}},
      {0x0a, {0xfe, 0xff}, ~std::uint64_t{1}},
      {0x1b, {0xfd, 0xff, 0xff, 0xff}, 0x5000},
      {0x1c, {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0x5000},
      {0x2b, {4, 0, 0, 0}, 0x100004},
      {0x3b, {4, 0, 0, 0}, 0x200004},
      {0x4b, {4, 0, 0, 0}, 0x300004},
      {0x50, {9, 9, 9, 9, 9, 8, 0, 0, 0, 0, 0, 0, 0}, 8},
  };
  for (const Encoded& item : cases) {
    CfiBytes bytes;
    bytes.data = item.bytes.data();
    bytes.size = item.bytes.size();
    bytes.address = 0x5003;
    bytes.text_base = 0x100000;
    bytes.data_base = 0x200000;
    leakgate::capture::ByteReader reader(bytes.data, bytes.data + bytes.size);
    EXPECT_EQ(leakgate::capture::read_encoded_pointer(reader, item.encoding, bytes, 0x300000), item.value)
        << "encoding " << int{item.encoding};
    leakgate::capture::ByteReader shorter(bytes.data, bytes.data + bytes.size - 1);
    EXPECT_FALSE(leakgate::capture::read_encoded_pointer(shorter, item.encoding, bytes, 0x300000));
  }
}

TEST(CfiSectionReader, PointersWithoutMeaningHere) {
  const Bytes bytes(16, 0);
  CfiBytes input;
  input.data = bytes.data();
  input.size = bytes.size();
  for (const std::uint8_t encoding : {0xff, 0x9b, 0x05, 0x0f, 0x60}) {
    leakgate::capture::ByteReader reader(bytes.data(), bytes.data() + bytes.size());
    EXPECT_FALSE(leakgate::capture::read_encoded_pointer(reader, encoding, input, 0)) << int{encoding};
  }
}

}  // namespace

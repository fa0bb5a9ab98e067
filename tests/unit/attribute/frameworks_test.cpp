// SPDX-License-Identifier: Apache-2.0
// Which marks are taken from an object, given the symbols that it has.
#include "harness/attribute/frameworks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace leakgate::attribute {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kRepeaterStart = "_ZN7testing8internal17TestEventRepeater11OnTestStartERKNS_8TestInfoE";
constexpr const char* kRepeaterEnd = "_ZN7testing8internal17TestEventRepeater9OnTestEndERKNS_8TestInfoE";
constexpr const char* kRepeaterPart =
    "_ZN7testing8internal17TestEventRepeater16OnTestPartResultERKNS_14TestPartResultE";
constexpr const char* kPrinterStart =
    "_ZN7testing8internal27PrettyUnitTestResultPrinter11OnTestStartERKNS_8TestInfoE";
constexpr const char* kAddPartCxx11 =
    "_ZN7testing8UnitTest17AddTestPartResultENS_14TestPartResult4TypeEPKciRKNSt7__cxx1112basic_"
    "stringIcSt11char_traitsIcESaIcEEESC_";
constexpr const char* kAddPartLibcxx =
    "_ZN7testing8UnitTest17AddTestPartResultENS_14TestPartResult4TypeEPKciRKNSt3__112basic_"
    "stringIcNS5_11char_traitsIcEENS5_9allocatorIcEEEESD_";
constexpr const char* kRunTestV3 = "_ZN5Catch10RunContext7runTestERKNS_14TestCaseHandleE";
constexpr const char* kRunTestV2 = "_ZN5Catch10RunContext7runTestERKNS_8TestCaseE";
constexpr const char* kConsoleStartV2 =
    "_ZN5Catch21StreamingReporterBaseINS_15ConsoleReporterEE16testCaseStartingERKNS_12TestCaseInfoE";
constexpr const char* kConsoleEnd = "_ZN5Catch15ConsoleReporter13testCaseEndedERKNS_13TestCaseStatsE";
constexpr const char* kTotalsAdd = "_ZN5Catch6TotalspLERKS0_";
constexpr const char* kSkipV3 = "_ZN5Catch25throw_test_skip_exceptionEv";
constexpr const char* kInflightV3 =
    "_ZN5Catch10RunContext33handleUnexpectedInflightExceptionERKNS_13AssertionInfoEONSt7__cxx1112basic_"
    "stringIcSt11char_traitsIcESaIcEEERNS_17AssertionReactionE";
constexpr const char* kInflightV2 =
    "_ZN5Catch10RunContext33handleUnexpectedInflightExceptionERKNS_13AssertionInfoERKNSt7__cxx1112basic_"
    "stringIcSt11char_traitsIcESaIcEEERNS_17AssertionReactionE";

/// The marks of an object that defines `names`, at addresses 0x1000, 0x1010, ... in that order.
FoundMarks find_in(const std::vector<std::string>& names, MarkSet set = MarkSet::full) {
  std::map<std::string, std::uint64_t, std::less<>> symbols;
  for (std::size_t i = 0; i < names.size(); ++i)
    symbols[names[i]] = 0x1000 + 0x10 * i;
  return find_marks(
      [&](std::string_view name) -> std::optional<std::uint64_t> {
        const auto found = symbols.find(name);
        return found == symbols.end() ? std::nullopt : std::optional(found->second);
      },
      set);
}

const MarkProbe* probe_on(const FoundMarks& found, std::string_view symbol) {
  for (const MarkProbe& probe : found.probes) {
    if (probe.symbol == symbol) return &probe;
  }
  return nullptr;
}

TEST(FindMarks, NothingIsFoundInAnObjectWithoutAFramework) {
  const FoundMarks found = find_in({"main", "_ZN3foo3barEv"});
  EXPECT_THAT(found.probes, IsEmpty());
  EXPECT_THAT(found.frameworks, IsEmpty());
}

TEST(FindMarks, GtestOfLibstdcxxIsReadAtItsOffsets) {
  const FoundMarks found = find_in({kRepeaterStart, kRepeaterEnd, kRepeaterPart, kAddPartCxx11});
  ASSERT_EQ(found.frameworks.size(), 1u);
  EXPECT_TRUE(found.frameworks[0].complete);
  EXPECT_FALSE(found.frameworks[0].abi_assumed);
  const MarkProbe* start = probe_on(found, kRepeaterStart);
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(start->vaddr, 0x1000u);
  EXPECT_EQ(start->mark.arg, 1);
  EXPECT_EQ(start->mark.name.off, 32);
  EXPECT_EQ(start->mark.name.kind, TextKind::std_string);
  EXPECT_EQ(start->mark.file.off, 80);
  EXPECT_EQ(start->mark.line_off, 112);
}

TEST(FindMarks, GtestOfLibcxxIsToldByTheMangledString) {
  const FoundMarks found = find_in({kRepeaterStart, kRepeaterEnd, kRepeaterPart, kAddPartLibcxx});
  const MarkProbe* start = probe_on(found, kRepeaterStart);
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(start->mark.name.off, 24);
  EXPECT_EQ(start->mark.name.kind, TextKind::libcxx_string);
  EXPECT_EQ(start->mark.line_off, 88);
}

TEST(FindMarks, AnUnknownStringIsSaidToBeAssumed) {
  const FoundMarks found = find_in({kRepeaterStart, kRepeaterEnd, kRepeaterPart});
  ASSERT_EQ(found.frameworks.size(), 1u);
  EXPECT_TRUE(found.frameworks[0].abi_assumed);
  EXPECT_EQ(probe_on(found, kRepeaterStart)->mark.name.kind, TextKind::std_string);
}

TEST(FindMarks, AMissingEndMakesAFrameworkIncomplete) {
  const FoundMarks found = find_in({kRepeaterStart, kRepeaterPart, kAddPartCxx11});
  ASSERT_EQ(found.frameworks.size(), 1u);
  EXPECT_FALSE(found.frameworks[0].complete);
  EXPECT_THAT(found.frameworks[0].missing, Contains(kRepeaterEnd));
}

TEST(FindMarks, WireOnlyTakesOneStartAndAPlainPart) {
  const std::vector<std::string> names = {kRepeaterStart, kPrinterStart, kRepeaterEnd, kRepeaterPart,
                                          kAddPartCxx11};
  const FoundMarks full = find_in(names);
  EXPECT_NE(probe_on(full, kRepeaterStart), nullptr);
  EXPECT_NE(probe_on(full, kPrinterStart), nullptr);
  EXPECT_EQ(probe_on(full, kAddPartCxx11), nullptr);
  const FoundMarks wire = find_in(names, MarkSet::wire_only);
  EXPECT_EQ(probe_on(wire, kRepeaterStart), nullptr);
  EXPECT_NE(probe_on(wire, kPrinterStart), nullptr);
  EXPECT_NE(probe_on(wire, kAddPartCxx11), nullptr);
  for (const MarkProbe& probe : wire.probes)
    EXPECT_FALSE(needs_extension(probe.mark)) << probe.symbol;
}

TEST(FindMarks, Catch2Versions2And3AreToldApart) {
  const FoundMarks v3 = find_in({kRunTestV3, kConsoleEnd, kTotalsAdd, kSkipV3, kInflightV3});
  ASSERT_EQ(v3.frameworks.size(), 1u);
  EXPECT_EQ(v3.frameworks[0].variant, "catch2 v3, libstdc++");
  EXPECT_EQ(probe_on(v3, kRunTestV3)->mark.deref, 1);
  EXPECT_EQ(probe_on(v3, kRunTestV3)->mark.file.off, 104);
  EXPECT_EQ(probe_on(v3, kConsoleEnd)->mark.skipped_off, 64);
  const FoundMarks v2 = find_in({kRunTestV2, kConsoleEnd, kTotalsAdd, kInflightV2});
  ASSERT_EQ(v2.frameworks.size(), 1u);
  EXPECT_EQ(v2.frameworks[0].variant, "catch2 v2, libstdc++");
  EXPECT_EQ(probe_on(v2, kRunTestV2)->mark.deref, 0);
  EXPECT_EQ(probe_on(v2, kRunTestV2)->mark.file.off, 144);
  EXPECT_EQ(probe_on(v2, kConsoleEnd)->mark.failed_off, 216);
}

TEST(FindMarks, Catch1IsNotTakenForCatch2) {
  for (const std::string text : {"RKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", "RKSs",
                                 "RKNSt3__112basic_stringIcNS1_11char_traitsIcEENS1_9allocatorIcEEEE"})
    EXPECT_THAT(find_in({kRunTestV2, kConsoleStartV2, kConsoleEnd, kTotalsAdd,
                         "_ZN5Catch21StreamingReporterBase16testCaseStartingERKNS_12TestCaseInfoE",
                         "_ZN5Catch10RunContext25handleFatalErrorConditionE" + text})
                    .probes,
                IsEmpty());
}

TEST(FindMarks, Catch2BeforeSkipHasShorterCounts) {
  const FoundMarks found = find_in({kRunTestV3, kConsoleEnd, kTotalsAdd, kInflightV3});
  ASSERT_EQ(found.frameworks.size(), 1u);
  EXPECT_EQ(found.frameworks[0].variant, "catch2 v3 before 3.3, libstdc++");
  EXPECT_EQ(probe_on(found, kTotalsAdd)->mark.failed_off, 32);
  EXPECT_EQ(probe_on(found, kTotalsAdd)->mark.skipped_off, kNoOffset);
}

TEST(FindMarks, AReporterStandsInForAnInlinedRunTest) {
  const FoundMarks found = find_in({kConsoleStartV2, kConsoleEnd, kInflightV2}, MarkSet::wire_only);
  ASSERT_EQ(found.frameworks.size(), 1u);
  EXPECT_TRUE(found.frameworks[0].complete);
  EXPECT_TRUE(found.frameworks[0].second_choice);
  EXPECT_THAT(found.frameworks[0].missing, Contains(kRunTestV2));
  EXPECT_NE(probe_on(found, kConsoleStartV2), nullptr);
}

TEST(FindMarks, SeveralFrameworksInOneObjectAreAllFound) {
  const FoundMarks found = find_in({kRepeaterStart, kRepeaterEnd, kRepeaterPart, kAddPartCxx11, kRunTestV3,
                                    kConsoleEnd, kSkipV3, kInflightV3});
  EXPECT_THAT(found.frameworks, ElementsAre(Field(&FrameworkPresence::framework, model::Framework::gtest),
                                            Field(&FrameworkPresence::framework, model::Framework::catch2)));
}

TEST(FindMarks, BoostTestIsLeftOutWhereSuitesCannotBeToldFromCases) {
  const std::vector<std::string> names = {
      "_ZN5boost9unit_test19results_collector_t15test_unit_startERKNS0_9test_unitE",
      "_ZN5boost9unit_test19results_collector_t16test_unit_finishERKNS0_9test_unitEm",
      "_ZN5boost9unit_test19results_collector_t16assertion_resultENS0_16assertion_resultE"};
  EXPECT_TRUE(find_in(names).frameworks.at(0).complete);
  EXPECT_THAT(find_in(names).probes, Not(IsEmpty()));
  EXPECT_FALSE(find_in(names, MarkSet::wire_only).frameworks.at(0).complete);
  EXPECT_THAT(find_in(names, MarkSet::wire_only).probes, IsEmpty());
}

TEST(FindMarks, OneAddressGetsOneProbePerRole) {
  const FoundMarks found = find_marks([](std::string_view) { return std::optional<std::uint64_t>(0x40); });
  for (const MarkProbe& probe : found.probes) {
    const auto same = std::count_if(found.probes.begin(), found.probes.end(), [&](const MarkProbe& other) {
      return other.mark.role == probe.mark.role && other.mark.when_value == probe.mark.when_value;
    });
    EXPECT_EQ(same, 1) << probe.symbol;
  }
}

TEST(MarkSymbols, NamesAllThatFindMarksAsksFor) {
  const std::vector<std::string> names = mark_symbols();
  find_marks([&](std::string_view name) -> std::optional<std::uint64_t> {
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), name)) << name;
    return std::nullopt;
  });
  find_marks([&](std::string_view name) -> std::optional<std::uint64_t> {
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), name)) << name;
    return 1;
  });
}

}  // namespace
}  // namespace leakgate::attribute

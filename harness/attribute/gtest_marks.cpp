// SPDX-License-Identifier: Apache-2.0
// Marks of GoogleTest 1.8 to current: the event repeater, through which every runner tells its listeners what
// happens. TestInfo begins with: std::string suite, std::string name, two pointers, CodeLocation{std::string
// file; int line}.
#include "harness/attribute/mark_tables.h"

namespace leakgate::attribute {
namespace {

constexpr std::uint8_t kFailedTypes = 1u << 1 | 1u << 2;  // TestPartResult: 1 non-fatal, 2 fatal failure
constexpr std::uint8_t kSkippedTypes = 1u << 3;           // since 1.10

MarkLayout test_layout(MarkRole role, const StringAbi& abi) {
  MarkLayout layout;
  layout.role = role;
  layout.framework = model::Framework::gtest;
  layout.arg = 1;
  const auto file = static_cast<std::uint16_t>(2 * abi.bytes + 16);
  layout.suite = {0, abi.kind};
  layout.name = {abi.bytes, abi.kind};
  layout.file = {file, abi.kind};
  layout.line_off = static_cast<std::uint16_t>(file + abi.bytes);
  return layout;
}

MarkLayout part_layout(OutcomeForm form) {
  MarkLayout layout;
  layout.role = MarkRole::test_part;
  layout.framework = model::Framework::gtest;
  layout.outcome_arg = 1;
  layout.failed_mask = kFailedTypes;
  layout.skipped_mask = kSkippedTypes;
  layout.outcome_form = form;
  return layout;
}

/// TestInfo::Run() and Skip(), which do nothing for a test that is not selected.
MarkLayout run_layout(const StringAbi& abi) {
  MarkLayout layout = test_layout(MarkRole::test_start, abi);
  layout.arg = 0;
  layout.when_off = static_cast<std::uint16_t>(layout.line_off + 16);  // line, fixture id, bool should_run
  layout.when_value = 1;
  return layout;
}

MarkLayout fork_layout() {
  MarkLayout layout;
  layout.role = MarkRole::death_fork;
  layout.framework = model::Framework::gtest;
  return layout;
}

/// Told after filters and shards were applied, and only where they leave a test: not by --gtest_list_tests,
/// not by a filter that fits nothing. The end of it, for an environment that skips or ends everything does so
/// before. Who hears it and sees no test start has missed it.
MarkSlot due_slot() {
  const std::string due = "22OnEnvironmentsSetUpEndERKNS_8UnitTestE";
  MarkLayout layout;
  layout.role = MarkRole::tests_due;
  layout.framework = model::Framework::gtest;
  layout.arg = 1;
  return {false,
          Take::each,
          {{{"_ZN7testing8internal17TestEventRepeater" + due,
             "_ZN7testing8internal27PrettyUnitTestResultPrinter" + due},
            layout}}};
}

MarkSlot start_slot(const StringAbi& abi) {
  const std::string started = "11OnTestStartERKNS_8TestInfoE";
  const MarkLayout seen = test_layout(MarkRole::test_start, abi);
  // GCC at -O3 inlines the repeater into Run when they share a translation unit, and calls the printer. So,
  // where only one can be taken, the printer: it is there unless the program or --gtest_brief took it away.
  return {true,
          Take::each_if_full,
          {{{"_ZN7testing8internal27PrettyUnitTestResultPrinter" + started}, seen},
           {{"_ZN7testing8internal17TestEventRepeater" + started}, seen},
           {{"_ZN7testing8TestInfo3RunEv", "_ZN7testing8TestInfo4SkipEv"}, run_layout(abi)}}};
}

MarkSlot end_slot(const StringAbi& abi) {
  const std::string ended = "9OnTestEndERKNS_8TestInfoE";
  return {true,
          Take::each,
          {{{"_ZN7testing8internal17TestEventRepeater" + ended,
             "_ZN7testing8internal27PrettyUnitTestResultPrinter" + ended,
             "_ZN7testing8internal26BriefUnitTestResultPrinter" + ended},
            test_layout(MarkRole::test_end, abi)}}};
}

/// The reporters see a result once it counts for the test. UnitTest::AddTestPartResult comes earlier: it also
/// sees failures that EXPECT_FATAL_FAILURE takes away, and not the skips of a suite that was skipped in its
/// set-up.
MarkSlot part_slot(const std::string& add_part) {
  const std::string result = "ERKNS_14TestPartResultE";
  return {true,
          Take::first,
          {{{"_ZN7testing8internal35DefaultGlobalTestPartResultReporter20ReportTestPartResult" + result,
             "_ZN7testing8internal17TestEventRepeater16OnTestPartResult" + result,
             "_ZN7testing8internal27PrettyUnitTestResultPrinter16OnTestPartResult" + result},
            part_layout(OutcomeForm::in_memory)},
           {{add_part}, part_layout(OutcomeForm::plain)}}};
}

FrameworkVariant variant(const StringAbi& abi, const std::string& add_part,
                         const std::string& append_message) {
  FrameworkVariant made;
  made.framework = model::Framework::gtest;
  made.family = "gtest";
  made.name = "gtest, " + std::string(abi.name);
  made.evidence = {add_part, append_message};
  made.slots = {
      start_slot(abi),
      end_slot(abi),
      part_slot(add_part),
      due_slot(),
      {false, Take::first, {{{"_ZN7testing8internal15NoExecDeathTest10AssumeRoleEv"}, fork_layout()}}},
      {false, Take::first, {{{"_ZN7testing8internal13ExecDeathTest10AssumeRoleEv"}, fork_layout()}}},
  };
  return made;
}

}  // namespace

std::vector<FrameworkVariant> gtest_variants() {
  const std::string add_part = "_ZN7testing8UnitTest17AddTestPartResultENS_14TestPartResult4TypeEPKciRK";
  const std::string append = "_ZN7testing8internal17AppendUserMessageERK";
  std::vector<FrameworkVariant> all;
  all.push_back(
      variant(kLibcxxString, add_part + "NSt3__112basic_stringIcNS5_11char_traitsIcEENS5_9allocatorIcEEEESD_",
              append + "NSt3__112basic_stringIcNS1_11char_traitsIcEENS1_9allocatorIcEEEERKNS_7MessageE"));
  all.push_back(variant(kCowString, add_part + "SsS6_", append + "SsRKNS_7MessageE"));
  all.push_back(variant(kCxx11String, add_part + "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESC_",
                        append + "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEERKNS_7MessageE"));
  all.back().fallback = true;
  return all;
}

}  // namespace leakgate::attribute

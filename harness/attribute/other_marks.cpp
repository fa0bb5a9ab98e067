// SPDX-License-Identifier: Apache-2.0
// Marks of doctest (2.4.4 and later) and Boost.Test. doctest: the callbacks of its three reporters, one of
// which runs; Boost.Test: the results collector, an observer that is always registered and is told of suites
// as well as of cases.
#include "harness/attribute/mark_tables.h"

namespace leakgate::attribute {
namespace {

/// TestCaseData: {String file; unsigned line; const char* name; const char* suite; ...}.
MarkLayout doctest_start() {
  MarkLayout layout;
  layout.role = MarkRole::test_start;
  layout.framework = model::Framework::doctest;
  layout.arg = 1;
  layout.suite = {40, TextKind::c_string};
  layout.name = {32, TextKind::c_string};
  layout.file = {0, TextKind::doctest_string};
  layout.line_off = 24;
  return layout;
}

/// CurrentTestCaseStats: {int asserts, failed asserts; double seconds; int flags; bool success}. The flags
/// alone do not tell: some say that a test which should fail did so.
MarkLayout doctest_end(OutcomeForm form) {
  MarkLayout layout;
  layout.role = MarkRole::test_end;
  layout.framework = model::Framework::doctest;
  layout.arg = 1;
  if (form == OutcomeForm::passed_flag) {
    layout.outcome_arg = 1;
    layout.outcome_form = form;
    layout.failed_off = 20;
  }
  return layout;
}

constexpr std::uint8_t kBoostCase = 1, kBoostSuite = 16;

/// test_unit: {u32 type; string views type name, file; size_t line; ids id, parent; three vectors;
/// std::string name}. The same function is told of suites; the type tells them apart, so wire_only, which
/// cannot test it, has none of these.
MarkLayout boost_unit(MarkRole role, const StringAbi& abi, std::uint8_t type) {
  MarkLayout layout;
  layout.role = role;
  layout.framework = model::Framework::boost_test;
  layout.arg = 1;
  layout.name = {136, abi.kind};
  layout.file = {24, TextKind::c_string};
  layout.line_off = 40;
  if (type == kBoostSuite)
    layout.suite = {8, TextKind::c_string};  // "suite", or "module" for the root of all
  layout.when_off = 0;
  layout.when_value = type;
  return layout;
}

MarkLayout boost_part(OutcomeForm form) {
  MarkLayout layout;
  layout.role = MarkRole::test_part;
  layout.framework = model::Framework::boost_test;
  layout.outcome_arg = 1;
  layout.outcome_form = form;
  layout.failed_mask = 1;  // 0 failed, 1 passed, 2 triggered a warning
  return layout;
}

FrameworkVariant boost_variant(const StringAbi& abi, std::vector<std::string> evidence) {
  const std::string collector = "_ZN5boost9unit_test19results_collector_t";
  const std::string started = collector + "15test_unit_startERKNS0_9test_unitE";
  const std::string finished = collector + "16test_unit_finishERKNS0_9test_unitEm";
  FrameworkVariant made;
  made.framework = model::Framework::boost_test;
  made.family = "boost_test";
  made.name = "boost_test, " + std::string(abi.name);
  made.evidence = std::move(evidence);
  made.slots = {
      {true, Take::first, {{{started}, boost_unit(MarkRole::test_start, abi, kBoostCase)}}},
      {true, Take::first, {{{finished}, boost_unit(MarkRole::test_end, abi, kBoostCase)}}},
      {false, Take::first, {{{started}, boost_unit(MarkRole::suite_start, abi, kBoostSuite)}}},
      {false, Take::first, {{{finished}, boost_unit(MarkRole::suite_end, abi, kBoostSuite)}}},
      {true,
       Take::first,
       {{{collector + "16assertion_resultENS0_16assertion_resultE"}, boost_part(OutcomeForm::plain)}}},
      {false,
       Take::first,
       {{{collector + "16exception_caughtERKNS_19execution_exceptionE"}, boost_part(OutcomeForm::always)}}},
      {false,
       Take::first,
       {{{collector + "17test_unit_abortedERKNS0_9test_unitE"}, boost_part(OutcomeForm::always)}}},
  };
  return made;
}

}  // namespace

std::vector<FrameworkVariant> doctest_variants() {
  FrameworkVariant made;
  made.framework = model::Framework::doctest;
  made.family = made.name = "doctest";
  made.fallback = true;  // nothing that is read depends on std::string
  for (const char* reporter : {"15ConsoleReporter", "11XmlReporter", "13JUnitReporter"}) {
    const std::string prefix = std::string("_ZN7doctest12_GLOBAL__N_1") + reporter;
    const std::string ended = prefix + "13test_case_endERKNS_20CurrentTestCaseStatsE";
    made.slots.push_back(
        {true, Take::first, {{{prefix + "15test_case_startERKNS_12TestCaseDataE"}, doctest_start()}}});
    made.slots.push_back(
        {true,
         Take::first,
         {{{ended}, doctest_end(OutcomeForm::passed_flag)}, {{ended}, doctest_end(OutcomeForm::plain)}}});
  }
  MarkLayout crash;
  crash.role = MarkRole::test_crash;
  crash.framework = model::Framework::doctest;
  made.slots.push_back(
      {false, Take::first, {{{"_ZN7doctest12_GLOBAL__N_121FatalConditionHandler12handleSignalEi"}, crash}}});
  return {made};
}

std::vector<FrameworkVariant> boost_test_variants() {
  // Functions that take or return a std::string tell which one it is; a stripped shared library has only the
  // second.
  const std::string newlines = "_ZN5boost9unit_test6output23tu_name_remove_newlinesE";
  std::vector<FrameworkVariant> all;
  all.push_back(boost_variant(
      kLibcxxString, {newlines + "NSt3__112basic_stringIcNS2_11char_traitsIcEENS2_9allocatorIcEEEE"}));
  all.push_back(boost_variant(kCowString, {newlines + "Ss"}));
  all.push_back(
      boost_variant(kCxx11String, {newlines + "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
                                   "_ZNK5boost9unit_test9test_unit9full_nameB5cxx11Ev"}));
  all.back().fallback = true;
  return all;
}

}  // namespace leakgate::attribute

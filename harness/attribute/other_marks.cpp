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

/// The case holds the boost::function that is called.
MarkLayout boost_body() {
  MarkLayout layout;
  layout.role = MarkRole::test_body;
  layout.framework = model::Framework::boost_test;
  layout.arg = 1;
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
      // the collector itself takes memory for each test
      {false,
       Take::first,
       {{{"_ZN5boost9unit_test19unit_test_monitor_t21execute_and_translateERKNS_8functionIFvvEEEm"},
         boost_body()}}},
  };
  return made;
}

}  // namespace

std::vector<FrameworkVariant> doctest_variants() {
  FrameworkVariant made;
  made.framework = model::Framework::doctest;
  made.family = made.name = "doctest";
  made.fallback = true;  // nothing that is read depends on std::string
  // They are local symbols; GCC's link time optimisation gives those a suffix.
  const auto with_suffix = [](const std::string& name) {
    return std::vector<std::string>{name, name + ".lto_priv.0"};
  };
  MarkSlot start{true, Take::each, {}}, end{true, Take::each, {}};
  for (const char* reporter : {"15ConsoleReporter", "11XmlReporter", "13JUnitReporter"}) {
    const std::string prefix = std::string("_ZN7doctest12_GLOBAL__N_1") + reporter;
    const auto ended = with_suffix(prefix + "13test_case_endERKNS_20CurrentTestCaseStatsE");
    start.candidates.push_back(
        {with_suffix(prefix + "15test_case_startERKNS_12TestCaseDataE"), doctest_start()});
    end.candidates.push_back({ended, doctest_end(OutcomeForm::passed_flag)});
    end.candidates.push_back({ended, doctest_end(OutcomeForm::plain)});
  }
  MarkLayout crash;
  crash.role = MarkRole::test_crash;
  crash.framework = model::Framework::doctest;
  const MarkSlot crash_slot{
      false,
      Take::first,
      {{with_suffix("_ZN7doctest12_GLOBAL__N_121FatalConditionHandler12handleSignalEi"), crash}}};
  made.slots = {start, end, crash_slot};
  return {made};
}

std::vector<FrameworkVariant> boost_test_variants() {
  // The mangled names tell; the classes named first are exported, so a stripped shared library has those.
  const std::string newlines = "_ZN5boost9unit_test6output23tu_name_remove_newlinesE";
  const std::string libcxx_stream = "NSt3__113basic_ostreamIcNS2_11char_traitsIcEEEE";
  std::vector<FrameworkVariant> all;
  all.push_back(
      boost_variant(kLibcxxString, {"_ZN5boost9unit_test15unit_test_log_t10set_streamER" + libcxx_stream,
                                    "_ZN5boost9unit_test16results_reporter10set_streamER" + libcxx_stream}));
  all.push_back(boost_variant(kCowString, {newlines + "Ss"}));
  all.push_back(
      boost_variant(kCxx11String, {"_ZNK5boost9unit_test9test_unit9full_nameB5cxx11Ev",
                                   newlines + "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"}));
  all.back().fallback = true;
  return all;
}

}  // namespace leakgate::attribute

// SPDX-License-Identifier: Apache-2.0
// Marks of Catch2 v2 (2.x, single header) and v3. A test case starts at RunContext::runTest, which returns
// Totals through memory: register 0 is the result, 1 is `this`, 2 the test case. No one function ends it in
// every build (a single translation unit inlines the small ones, and v3 makes a TestCaseStats per section
// run), so every one that can is marked: the callbacks of the reporters, which are virtual, and
// Totals::operator+=, which adds the result of one test case.
#include "harness/attribute/mark_tables.h"

namespace leakgate::attribute {
namespace {

constexpr const char* kRunTestV2 = "_ZN5Catch10RunContext7runTestERKNS_8TestCaseE";
constexpr const char* kRunTestV3 = "_ZN5Catch10RunContext7runTestERKNS_14TestCaseHandleE";

/// What differs between the versions and standard libraries.
struct Build {
  int version;  ///< 2 or 3
  bool skips;   ///< Counts has a `skipped` (3.3 and later)
  StringAbi abi;
  std::string stats;    ///< parameter list of TestCaseStats' constructor
  std::string message;  ///< the std::string parameter of RunContext::handleUnexpectedInflightException
};

/// Totals: v2 {int error; Counts assertions; Counts test_cases}, v3 without the error; Counts is u64 passed,
/// failed, failed but ok and, since 3.3, skipped.
std::uint16_t failed_in_totals(const Build& build) {
  return build.version == 2 || build.skips ? 40 : 32;
}

/// Offset of SourceLineInfo {const char* file; size_t line} in TestCaseInfo.
std::uint16_t source_offset(const Build& build) {
  // v2: name, class name, description, two vectors. v3: name, StringRef, backing of the tags, one vector.
  const int strings = build.version == 2 ? 3 : 2;
  const int others = build.version == 2 ? 2 * 24 : 16 + 24;
  return static_cast<std::uint16_t>(strings * build.abi.bytes + others);
}

/// Fields of a TestCaseInfo that begins `base` bytes into the object.
void set_info_fields(MarkLayout& layout, const Build& build, std::uint16_t base) {
  const auto source = static_cast<std::uint16_t>(base + source_offset(build));
  layout.name = {base, build.abi.kind};
  layout.file = {source, TextKind::c_string};
  layout.line_off = static_cast<std::uint16_t>(source + 8);
}

MarkLayout start_layout(const Build& build, std::uint8_t arg, std::uint8_t deref) {
  MarkLayout layout;
  layout.role = MarkRole::test_start;
  layout.framework = model::Framework::catch2;
  layout.arg = arg;
  layout.deref = deref;
  set_info_fields(layout, build, 0);
  return layout;
}

/// An end whose register `totals_arg` points at an object with Totals at `totals_off`.
MarkLayout end_layout(const Build& build, std::uint8_t totals_arg, int totals_off) {
  MarkLayout layout;
  layout.role = MarkRole::test_end;
  layout.framework = model::Framework::catch2;
  layout.arg = totals_arg;
  layout.outcome_arg = totals_arg;
  layout.failed_off = static_cast<std::uint16_t>(totals_off + failed_in_totals(build));
  if (build.skips) layout.skipped_off = static_cast<std::uint16_t>(layout.failed_off + 16);
  return layout;
}

/// Catch::<class>::testCaseEnded(TestCaseStats const&).
MarkLayout reporter_end_layout(const Build& build) {
  if (build.version == 3) {  // {TestCaseInfo const*; Totals; ...}
    MarkLayout layout = end_layout(build, 1, 8);
    layout.deref = 1;
    set_info_fields(layout, build, 0);
    return layout;
  }
  const int info_bytes = source_offset(build) + 24;          // file, line, properties
  MarkLayout layout = end_layout(build, 1, 8 + info_bytes);  // {vptr; TestCaseInfo; Totals; ...}
  set_info_fields(layout, build, 8);
  return layout;
}

/// TestCaseStats(TestCaseInfo const&, Totals const&, ...): made once per test case in v2, once per section
/// run in v3.
MarkLayout stats_layout(const Build& build) {
  MarkLayout layout = end_layout(build, 2, 0);
  layout.arg = 1;
  set_info_fields(layout, build, 0);
  return layout;
}

MarkLayout crash_layout() {
  MarkLayout layout;
  layout.role = MarkRole::test_crash;
  layout.framework = model::Framework::catch2;
  return layout;
}

/// Callbacks for a start, where link time optimisation inlined runTest. Without `all`, those that are called
/// once per test case under their reporter; `all` adds those that call others of them. Empty functions are
/// left out: linkers fold those together.
std::vector<std::string> starting_callbacks(int version, bool all) {
  const std::string starting = "16testCaseStartingERKNS_12TestCaseInfoE";
  const std::string base = "_ZN5Catch21StreamingReporterBase";
  std::vector<std::string> names;
  if (version == 3) {
    names = {base + starting, "_ZN5Catch13JunitReporter" + starting};
    if (!all) return names;
    for (const char* reporter : {"13MultiReporter", "17ListeningReporter", "11XmlReporter",
                                 "16TeamCityReporter", "12JsonReporter"}) {
      names.push_back(std::string("_ZN5Catch") + reporter + starting);
    }
    return names;
  }
  names = {base + "INS_15ConsoleReporterEE" + starting, base + "INS_15CompactReporterEE" + starting,
           "_ZN5Catch11XmlReporter" + starting,         "_ZN5Catch13JunitReporter" + starting,
           base + "INS_11TAPReporterEE" + starting,     "_ZN5Catch16TeamCityReporter" + starting,
           base + "INS_16AutomakeReporterEE" + starting};
  if (all) names.push_back("_ZN5Catch17ListeningReporter" + starting);
  return names;
}

std::vector<std::string> reporter_callbacks(int version) {
  const std::string ended = "13testCaseEndedERKNS_13TestCaseStatsE";
  if (version == 2) {
    return {"_ZN5Catch17ListeningReporter" + ended,
            "_ZN5Catch15ConsoleReporter" + ended,
            "_ZN5Catch11XmlReporter" + ended,
            "_ZN5Catch13JunitReporter" + ended,
            "_ZN5Catch21StreamingReporterBaseINS_15CompactReporterEE" + ended,
            "_ZN5Catch12TAPReporter" + ended,
            "_ZN5Catch21StreamingReporterBaseINS_11TAPReporterEE" + ended,
            "_ZN5Catch16TeamCityReporter" + ended,
            "_ZN5Catch16AutomakeReporter" + ended,
            "_ZN5Catch22CumulativeReporterBaseINS_17SonarQubeReporterEE" + ended};
  }
  return {"_ZN5Catch13MultiReporter" + ended,         "_ZN5Catch17ListeningReporter" + ended,
          "_ZN5Catch15ConsoleReporter" + ended,       "_ZN5Catch11XmlReporter" + ended,
          "_ZN5Catch13JunitReporter" + ended,         "_ZN5Catch12JsonReporter" + ended,
          "_ZN5Catch16TeamCityReporter" + ended,      "_ZN5Catch16AutomakeReporter" + ended,
          "_ZN5Catch21StreamingReporterBase" + ended, "_ZN5Catch22CumulativeReporterBase" + ended};
}

/// Functions that only this version has; those of the reporters are virtual, so they outlive inlining.
std::vector<std::string> version_symbols(int version) {
  const std::string base = "_ZN5Catch21StreamingReporterBase";
  const std::string starting = "16testCaseStartingERKNS_12TestCaseInfoE";
  if (version == 2) return {kRunTestV2, base + "INS_15ConsoleReporterEE" + starting};
  return {kRunTestV3, base + starting};
}

/// Of Catch 1.x, whose runTest has v2's name and whose reporters v3's, and whose objects are other ones.
/// Virtual, so it outlives inlining; v2 passes a StringRef.
std::vector<std::string> version_1_symbols() {
  const std::string fatal = "_ZN5Catch10RunContext25handleFatalErrorConditionE";
  return {fatal + "RKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", fatal + "RKSs",
          fatal + "RKNSt3__112basic_stringIcNS1_11char_traitsIcEENS1_9allocatorIcEEEE"};
}

FrameworkVariant variant(const Build& build) {
  FrameworkVariant made;
  made.framework = model::Framework::catch2;
  made.family = "catch2 v" + std::to_string(build.version);
  made.name = made.family + (build.version == 3 && !build.skips ? " before 3.3, " : ", ") +
              std::string(build.abi.name);
  const std::string stats = "_ZN5Catch13TestCaseStats";
  const std::vector<std::string> constructors = {stats + "C1" + build.stats, stats + "C2" + build.stats};
  const std::string inflight =
      "_ZN5Catch10RunContext33handleUnexpectedInflightExceptionERKNS_13AssertionInfoE";
  made.needs = {version_symbols(build.version)};
  made.excluded_by = version_1_symbols();
  made.evidence = constructors;
  for (const char* reference : {"RK", "O"}) {
    made.evidence.push_back(inflight + reference + build.message + "RNS_17AssertionReactionE");
  }
  MarkSlot start{true, Take::each_if_full, {}};
  if (build.version == 2) {  // TestCase is derived from TestCaseInfo
    start.candidates = {{{kRunTestV2}, start_layout(build, 2, 0)}};
  } else {  // TestCaseHandle begins with a pointer to it
    start.candidates = {{{kRunTestV3}, start_layout(build, 2, 1)}};
  }
  for (const bool all : {false, true}) {
    start.candidates.push_back({starting_callbacks(build.version, all), start_layout(build, 1, 0)});
  }
  MarkSlot end{true, Take::each, {{reporter_callbacks(build.version), reporter_end_layout(build)}}};
  if (build.version == 2) end.candidates.push_back({constructors, stats_layout(build)});
  end.candidates.push_back({{"_ZN5Catch6TotalspLERKS0_"}, end_layout(build, 1, 0)});
  const MarkSlot crash{
      false,
      Take::first,
      {{{"_ZN5Catch10RunContext25handleFatalErrorConditionENS_9StringRefE"}, crash_layout()}}};
  made.slots = {start, end, crash};
  return made;
}

}  // namespace

std::vector<FrameworkVariant> catch2_variants() {
  const std::string cxx11 = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
  const std::string libcxx_message = "NSt3__112basic_stringIcNS4_11char_traitsIcEENS4_9allocatorIcEEEE";
  const std::string libcxx_stats = "NSt3__112basic_stringIcNS7_11char_traitsIcEENS7_9allocatorIcEEEE";
  const std::string head = "ERKNS_12TestCaseInfoERKNS_6TotalsE";
  std::vector<FrameworkVariant> all;
  for (const bool skips : {true, false}) {
    const std::vector<Build> builds = {
        {3, skips, kLibcxxString, head + "O" + libcxx_stats + "SE_b", libcxx_message},
        {3, skips, kCowString, head + "OSsS7_b", "Ss"},
        {3, skips, kCxx11String, head + "O" + cxx11 + "SD_b", cxx11}};
    for (const Build& build : builds) {
      FrameworkVariant made = variant(build);
      // What 3.3 (the first one that skips) and 3.6 brought; link time optimisation may remove the first.
      if (skips) {
        made.needs.push_back({"_ZN5Catch25throw_test_skip_exceptionEv",
                              "_ZN5Catch12JsonReporter13testCaseEndedERKNS_13TestCaseStatsE"});
      }
      all.push_back(std::move(made));
    }
  }
  all.push_back(variant({3, true, kCxx11String, head + "O" + cxx11 + "SD_b", cxx11}));
  all.back().fallback = true;
  all.push_back(variant({2, false, kLibcxxString, head + "RK" + libcxx_stats + "SF_b", libcxx_message}));
  all.push_back(variant({2, false, kCowString, head + "RKSsS8_b", "Ss"}));
  all.push_back(variant({2, false, kCxx11String, head + "RK" + cxx11 + "SE_b", cxx11}));
  all.back().fallback = true;
  return all;
}

}  // namespace leakgate::attribute

// SPDX-License-Identifier: Apache-2.0
// Which accepted leaks a run may take back, and which it says nothing about.
#include "harness/judge/whole_runs.h"

#include <gtest/gtest.h>

#include <functional>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::Outcome;
using model::Recording;

/// A whole run of unit_tests: T.A and T.B, and what is outside of them. `leaks` says what of each is left.
Recording run_of(std::uint64_t in_test, std::uint64_t outside, bool has_other_program = false) {
  test::RecordingBuilder builder;
  const auto process = builder.process();
  auto& r = builder.recording;
  r.processes[process].parent_pid = 0;
  r.run.tests_chosen_by = "";
  const auto leaky = builder.test(process, "T.A");
  builder.test(process, "T.B");
  const auto rest = builder.outside(process);
  if (in_test > 0) builder.leak(leaky, builder.stack({{"f", "/home/dev/app/a.cpp", 5}}), in_test);
  const auto stack = builder.stack({{"g", "/home/dev/app/a.cpp", 9}});
  if (outside > 0) builder.leak(rest, stack, outside);
  if (has_other_program) {
    const auto other = builder.process(model::ProcessRole::judged, {0, {}}, "/home/dev/app/build/more_tests");
    builder.test(other, "T.C");
    builder.leak(builder.outside(other), stack, 50);
  }
  return r;
}

model::Verdict against(const Baseline& baseline, const Recording& recording) {
  Policy policy;
  policy.baseline = baseline;
  policy.baseline->file = "b.json";
  return judge(recording, policy);
}

Baseline update(const Baseline& old, const Recording& recording) {
  return updated(old, against(old, recording).baseline.rows, "accepted");
}

/// Bytes accepted of both entries (0: it is gone), after a run in which less leaks and to which `change` was
/// done.
struct Accepted {
  std::uint64_t in_test = 0, outside = 0;
  bool operator==(const Accepted&) const = default;
};

Accepted accepted(const Baseline& baseline) {
  Accepted result;
  for (const auto& [key, entry] : baseline.entries)
    (key.first == "T.A" ? result.in_test : result.outside) = entry.bytes;
  return result;
}

Accepted after(const std::function<void(Recording&)>& change, std::uint64_t left = 0) {
  const Baseline before = update({}, run_of(100, 100));
  Recording recording = run_of(left, left);
  change(recording);
  return accepted(update(before, recording));
}

constexpr Accepted kBothKept = {100, 100}, kBothGone = {0, 0};

TEST(WholeRuns, AWholeRunTakesBackWhatIsGoneAndWhatHasShrunk) {
  EXPECT_EQ(after([](Recording&) {}), kBothGone);
  EXPECT_EQ(after([](Recording&) {}, 40), (Accepted{40, 40}));
}

TEST(WholeRuns, ATestThatDidNotPassKeepsItsEntriesAndThoseOutside) {
  for (const auto outcome : {Outcome::failed, Outcome::skipped, Outcome::crashed}) {
    const auto change = [&](Recording& r) { r.tests[0].outcome = outcome; };
    EXPECT_EQ(after(change), kBothKept) << static_cast<int>(outcome);
    EXPECT_EQ(after(change, 40), kBothKept) << static_cast<int>(outcome);
  }
  EXPECT_EQ(after([](Recording& r) { r.tests[1].outcome = Outcome::failed; }), (Accepted{0, 100}))
      << "another test did";
}

TEST(WholeRuns, OneRoundThatDidNotPassIsEnough) {
  EXPECT_EQ(after([](Recording& r) {
              r.tests.push_back(r.tests[0]);
              r.tests.back().outcome = Outcome::skipped;
            }),
            kBothKept);
  EXPECT_EQ(after([](Recording& r) { r.tests.push_back(r.tests[0]); }), (Accepted{0, 100}))
      << "whose blocks are outside tests is not known with rounds";
}

TEST(WholeRuns, NothingOfARunThatASignalEnded) {
  EXPECT_EQ(after([](Recording& r) { r.processes[0].exit = {{}, 6}; }), kBothKept);
  EXPECT_EQ(after([](Recording& r) { r.run.exit = {{}, 15}; }), kBothKept);
  EXPECT_EQ(after([](Recording& r) { r.run.incomplete_reasons.push_back({"lost", 1, "m", ""}); }), kBothKept);
  EXPECT_EQ(after([](Recording& r) { r.tracer.lost["ring_full"] = 1; }), kBothKept)
      << "though its recorder did not call it incomplete";
}

TEST(WholeRuns, AFilterOrAPartKeepsWhatIsOutsideTests) {
  constexpr Accepted kOutsideKept = {0, 100};
  EXPECT_EQ(after([](Recording& r) { r.processes[0].args.emplace_back("--gtest_filter=T.*"); }),
            kOutsideKept);
  EXPECT_EQ(after([](Recording& r) { r.processes[0].args.emplace_back("--gtest_color=no"); }), kBothGone);
  EXPECT_EQ(after([](Recording& r) { r.run.tests_chosen_by = "GTEST_FILTER"; }), kOutsideKept);
  EXPECT_EQ(after([](Recording& r) { r.run.shard = {0, 2, "GTEST_TOTAL_SHARDS"}; }), kOutsideKept);
  EXPECT_EQ(after([](Recording& r) {
              r.run.shard = {0, 1, "GTEST_TOTAL_SHARDS"};
            }),
            kBothGone)
      << "all parts";
  EXPECT_EQ(after([](Recording& r) { r.run.shard = {0, 2, "GTEST_TOTAL_SHARDS"}; }, 40), (Accepted{40, 100}));
}

TEST(WholeRuns, SectionsAloneAreNotTheirTest) {
  const auto accepted_after = [](model::Framework framework, const std::string& word) {
    return after([&](Recording& r) {
      for (auto& test : r.tests)
        if (!test.outside) test.framework = framework;
      r.processes[0].args.push_back(word);
    });
  };
  for (const char* word : {"-c=opens", "-c", "--section=opens", "--skip-benchmarks"})
    EXPECT_EQ(accepted_after(model::Framework::catch2, word).in_test, 100u) << word;
  for (const char* word : {"--subcase=opens", "-sc=opens", "--dt-subcase-exclude=opens"})
    EXPECT_EQ(accepted_after(model::Framework::doctest, word).in_test, 100u) << word;
  EXPECT_EQ(accepted_after(model::Framework::catch2, "-s").in_test, 0u);
  EXPECT_EQ(accepted_after(model::Framework::doctest, "--success").in_test, 0u);
  EXPECT_EQ(accepted_after(model::Framework::gtest, "-c").in_test, 0u) << "an option of the program's own";
}

TEST(WholeRuns, ARunOfNoTestsKeepsWhatIsOutsideTests) {
  constexpr Accepted kOutsideKept = {100, 100};
  const auto no_tests = [](Recording& r) { r.tests.erase(r.tests.begin(), r.tests.begin() + 2); };
  EXPECT_EQ(after(no_tests), kOutsideKept);
  EXPECT_EQ(after([&](Recording& r) {
              no_tests(r);
              r.tests[0].outside = false;
              r.tests[0].id = "unit_tests";  // as where no framework was seen
            }),
            kOutsideKept);
}

TEST(WholeRuns, AProgramThatEndedBadlyMayHaveLeftTestsOut) {
  EXPECT_EQ(after([](Recording& r) { r.processes[0].exit = {1, {}}; }), (Accepted{0, 100}));
}

TEST(WholeRuns, WhatIsNotKnownKeepsWhatIsOutsideTests) {
  constexpr Accepted kOutsideKept = {0, 100};
  EXPECT_EQ(after([](Recording& r) { r.run.tests_chosen_by.reset(); }), kOutsideKept) << "an older recording";
  EXPECT_EQ(after([](Recording& r) { r.processes[0].parent_pid = 17; }), kOutsideKept)
      << "started by a script";
  EXPECT_EQ(after([](Recording& r) { r.run.command = {"./run.sh"}; }), kOutsideKept);
  EXPECT_EQ(after([](Recording& r) { r.processes[0].args.clear(); }), kOutsideKept);
  EXPECT_EQ(after([](Recording& r) { r.processes[0].args.emplace_back(1023, 'x'); }), kOutsideKept)
      << "perhaps cut short";
}

TEST(WholeRuns, AChildThatATestStartedIsNoFurtherRun) {
  EXPECT_EQ(after([](Recording& r) {
              model::Process child = r.processes[0];
              child.parent_pid = child.pid++;
              child.exit = {3, {}};
              r.processes.push_back(child);
              model::Test rest;
              rest.id = "unit_tests";
              rest.process = 1;
              rest.outcome = Outcome::failed;
              r.tests.push_back(rest);
            }),
            kBothGone);
}

TEST(WholeRuns, OtherProgramsEntriesOutsideTestsStay) {
  Recording both = run_of(0, 100, true);
  both.processes[1].parent_pid = 0;
  both.processes[1].args = {"unit_tests"};  // two commands, as where recordings are merged
  const Baseline before = update({}, both);
  EXPECT_EQ(before.entries.begin()->second.programs, (std::set<std::string>{"more_tests", "unit_tests"}));
  EXPECT_EQ(accepted(before).outside, 150u);
  EXPECT_EQ(accepted(update(before, run_of(0, 0))).outside, 150u);
  EXPECT_EQ(accepted(update(before, run_of(0, 100))).outside, 150u) << "it did not shrink";
  both.blocks.pop_back();
  const Baseline after_both = update(before, both);
  EXPECT_EQ(accepted(after_both).outside, 100u);
  EXPECT_EQ(after_both.entries.begin()->second.programs, std::set<std::string>{"unit_tests"});
}

TEST(WholeRuns, ATestOfTheSameNameInAnotherProgramTakesNothingBack) {
  // both have a test T.A, and one baseline: names such as Catch2's are short
  const Baseline before = update({}, run_of(100, 0));
  EXPECT_EQ(before.entries.begin()->second.programs, std::set<std::string>{"unit_tests"});
  Recording other = run_of(0, 0);
  other.processes[0].exe = "/home/dev/app/build/more_tests";
  EXPECT_EQ(accepted(update(before, other)).in_test, 100u);
  EXPECT_EQ(accepted(update(before, run_of(0, 0))).in_test, 0u);
  Baseline old = before;
  old.entries.begin()->second.programs.clear();  // as older versions wrote it
  EXPECT_EQ(accepted(update(old, other)).in_test, 0u);
}

TEST(WholeRuns, AnEntryWithoutProgramsLearnsThemAndIsKeptUntilThen) {
  Baseline old = update({}, run_of(0, 100));
  old.entries.begin()->second.programs.clear();  // as older versions wrote it
  EXPECT_EQ(accepted(update(old, run_of(0, 0))).outside, 100u);
  EXPECT_EQ(accepted(update(update(old, run_of(0, 100)), run_of(0, 0))).outside, 0u);
}

}  // namespace
}  // namespace leakgate::judge

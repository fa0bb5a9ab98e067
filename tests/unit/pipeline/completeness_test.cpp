// SPDX-License-Identifier: Apache-2.0
// Which programs were not seen, and which have nothing to show.
#include "harness/pipeline/completeness.h"

#include <gtest/gtest.h>

namespace leakgate::pipeline {
namespace {

model::TraceProcess ended(model::Framework framework) {
  model::TraceProcess process;
  process.pid = 7;
  process.exe = "/build/tests";
  process.framework = framework;
  process.allocations = 5;
  process.end = model::ImageEnd::exited;
  process.exit.code = 0;
  return process;
}

std::vector<std::string> causes(const model::Trace& trace) {
  std::vector<std::string> names;
  for (const model::IncompleteReason& reason : find_gaps(trace, {}, {}))
    names.push_back(reason.cause);
  return names;
}

using Names = std::vector<std::string>;

TEST(FindGaps, TestsThatWereDueAndNotSeenAreAGap) {
  model::Trace trace;
  trace.processes = {ended(model::Framework::gtest)};
  trace.processes[0].tests_due = true;
  EXPECT_EQ(causes(trace), Names{"no_tests_seen"});
  trace.windows.emplace_back();
  trace.windows[0].process = 0;
  EXPECT_EQ(causes(trace), Names{});
}

TEST(FindGaps, NoTestsAreNoGapWhereNoneWereDue) {
  model::Trace trace;
  trace.processes = {ended(model::Framework::gtest)};
  EXPECT_EQ(causes(trace), Names{});
}

TEST(FindGaps, AFrameworkThatAllocatesNothingWasNotSeen) {
  model::Trace trace;
  trace.processes = {ended(model::Framework::catch2)};
  trace.processes[0].allocations = 0;
  EXPECT_EQ(causes(trace), Names{"no_allocations_seen"});
  trace.processes[0].forked = true;
  EXPECT_EQ(causes(trace), Names{});
}

TEST(FindGaps, ProgramsWithoutFrameworkMayAllocateNothing) {
  model::Trace trace;
  trace.processes = {ended(model::Framework::none)};
  trace.processes[0].allocations = 0;
  EXPECT_EQ(causes(trace), Names{});
}

TEST(FindGaps, WhatFailedByItselfSaysSoItself) {
  model::Trace trace;
  trace.processes = {ended(model::Framework::gtest)};
  trace.processes[0].allocations = 0;
  trace.processes[0].tests_due = true;
  trace.processes[0].exit.code = 1;
  EXPECT_EQ(causes(trace), Names{});
}

TEST(FindGaps, AProgramThatNeverWaitedToBeExaminedWasNotSeen) {
  model::Trace trace;
  trace.tracer.backend = "ebpf";
  trace.processes = {ended(model::Framework::none)};
  trace.processes[0].allocations = 0;
  EXPECT_EQ(causes(trace), Names{"not_examined"});
  trace.processes[0].exit.code = 127;  // the dynamic linker found no library
  EXPECT_EQ(causes(trace), Names{});
  trace.processes[0].exit = {.code = {}, .signal = 9};
  EXPECT_EQ(causes(trace), Names{});
  trace.processes[0].exit = {.code = 1, .signal = {}};
  trace.processes[0].examined = true;
  EXPECT_EQ(causes(trace), Names{});
}

TEST(DescribeIdle, AProgramOfWhichNoTestRanIsNamedOnce) {
  model::Trace trace;
  trace.processes = {ended(model::Framework::gtest), ended(model::Framework::gtest),
                     ended(model::Framework::none)};
  trace.processes[2].exe = "/bin/sh";
  EXPECT_EQ(describe_idle(trace),
            Names{"tests has a test framework, and none of its tests ran: a filter that "
                  "matches none?"});
  trace.windows.emplace_back();
  trace.windows[0].process = 1;  // the other one helped it
  EXPECT_EQ(describe_idle(trace), Names{});
}

TEST(DescribeIdle, ADeathTestsChildAndTestsThatWereNotSeenAreSomethingElse) {
  model::Trace trace;
  trace.processes = {ended(model::Framework::gtest), ended(model::Framework::gtest)};
  trace.processes[0].death_test = true;
  trace.processes[1].tests_due = true;
  EXPECT_EQ(describe_idle(trace), Names{});
}

}  // namespace
}  // namespace leakgate::pipeline

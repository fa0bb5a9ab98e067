// SPDX-License-Identifier: Apache-2.0
// Scopes and sections: whose they are, what they are called, and those whose leaks are meant to be.
#include <gtest/gtest.h>

#include "harness/attribute/attribute.h"

namespace leakgate::attribute {
namespace {

/// One process with one test (window 2).
model::Trace one_test() {
  model::Trace trace;
  model::TraceProcess& process = trace.processes.emplace_back();
  process.exe = "/home/me/tests";
  process.end = model::ImageEnd::exited;
  process.exit.code = 0;
  model::TraceWindow& window = trace.windows.emplace_back();
  window.process = 0;
  window.number = 2;
  window.framework = model::Framework::catch2;
  window.name = "test";
  window.end_ns = 1;
  return trace;
}

void add_block(model::Trace& trace, std::uint32_t window) {
  model::TraceOutstanding& blocks = trace.outstanding.emplace_back();
  blocks.process = 0;
  blocks.window = window;
  blocks.blocks = 1;
}

TEST(Sections, BelongToTheTestTheyAreIn) {
  model::Trace trace = one_test();
  trace.scopes = {{0, 3, 2, "outer", false}, {0, 4, 3, "inner", false}};
  const Attribution result = attribute_blocks(trace);
  ASSERT_EQ(result.tests.size(), 1u);
  EXPECT_EQ(result.test_of.at({0, 3}), 0u);
  EXPECT_EQ(result.test_of.at({0, 4}), 0u);
  EXPECT_EQ(result.section_of.at({0, 3}), "outer");
  EXPECT_EQ(result.section_of.at({0, 4}), "outer / inner");
}

TEST(Sections, OutsideTestsMakeThePseudoTest) {
  model::Trace trace = one_test();
  trace.scopes = {{0, 1, 0, "suite", false}};
  EXPECT_EQ(attribute_blocks(trace).tests.size(), 1u);
  add_block(trace, 1);
  const Attribution result = attribute_blocks(trace);
  ASSERT_EQ(result.tests.size(), 2u);
  EXPECT_TRUE(result.tests[1].outside);
  EXPECT_EQ(result.test_of.at({0, 1}), 1u);
}

TEST(Sections, AcceptedOnesAndWhatIsInsideBelongToNobody) {
  model::Trace trace = one_test();
  trace.scopes = {{0, 3, 2, "meant", true}, {0, 4, 3, "inside", false}, {0, 5, 2, "other", false}};
  const Attribution result = attribute_blocks(trace);
  EXPECT_FALSE(result.test_of.contains({0, 3}));
  EXPECT_FALSE(result.test_of.contains({0, 4}));
  EXPECT_TRUE(result.test_of.contains({0, 5}));
}

/// Where threads' scopes overlap, each may be opened in one that is closed by now, without end.
TEST(Sections, DeeperThanCanBeOpenHaveTheirOwnNameAlone) {
  model::Trace trace = one_test();
  for (std::uint32_t i = 0; i < 20'000; ++i)
    trace.scopes.push_back({0, 3 + i, 2 + i, i % 2 == 0 ? "even" : "odd", false});
  const Attribution result = attribute_blocks(trace);
  EXPECT_EQ(result.section_of.at({0, 4}), "even / odd");
  EXPECT_EQ(result.section_of.at({0, 3 + 15}).size(), 8 * 4 + 8 * 3 + 15 * 3u);
  EXPECT_EQ(result.section_of.at({0, 3 + 16}), "... / even");
  EXPECT_EQ(result.section_of.at({0, 3 + 19'999}), "... / odd");
  EXPECT_EQ(result.test_of.at({0, 3 + 19'999}), 0u);
}

/// Nobody's blocks would be no leaks.
TEST(Sections, OfAnUnknownOneAreOutsideTests) {
  model::Trace trace = one_test();
  trace.scopes = {{0, 4, 3, "inside", false}};
  add_block(trace, 4);
  const Attribution result = attribute_blocks(trace);
  ASSERT_EQ(result.tests.size(), 2u);
  EXPECT_TRUE(result.tests[1].outside);
  EXPECT_EQ(result.test_of.at({0, 4}), 1u);
}

TEST(Sections, OfAProgramWithoutTestsAreTheProgramsOwn) {
  model::Trace trace = one_test();
  trace.windows.clear();
  trace.scopes = {{0, 1, 0, "parse", false}};
  const Attribution result = attribute_blocks(trace);
  ASSERT_EQ(result.tests.size(), 1u);
  EXPECT_EQ(result.tests[0].id, "tests");
  EXPECT_EQ(result.test_of.at({0, 1}), 0u);
}

TEST(Roles, WhatADynamicLinkerStartsIsNoProgramOfTheSystem) {
  model::Trace trace = one_test();
  for (const char* exe : {"/usr/bin/dash", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
                          "/usr/lib/x86_64-linux-musl/libc.so"})
    trace.processes.push_back(trace.processes.front()), trace.processes.back().exe = exe;
  const Attribution result = attribute_blocks(trace);
  ASSERT_EQ(result.processes.size(), 4u);
  EXPECT_EQ(result.processes[1].role, model::ProcessRole::runner);
  EXPECT_EQ(result.processes[2].role, model::ProcessRole::judged);
  EXPECT_EQ(result.processes[3].role, model::ProcessRole::judged);
}

}  // namespace
}  // namespace leakgate::attribute

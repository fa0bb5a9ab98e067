// SPDX-License-Identifier: Apache-2.0
// The log of what the kernel side tells: scopes, words on windows, and the part that a question is about.
#include "harness/capture/trace_log.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace leakgate::capture {
namespace {

class Log {
 public:
  TraceLog log{1};

  void test(std::uint32_t window, const char* name) {
    lg_record_test record{};
    record.head = {LG_REC_TEST_START, 0, 5};
    record.test = window;
    std::strcpy(record.name, name);
    log.take(record.head, sizeof record);
  }
  void scope(std::uint32_t window, std::uint32_t parent, const char* name) {
    lg_record_scope record{};
    record.head = {LG_REC_SCOPE, 0, 6};
    record.window = window;
    record.parent = parent;
    std::strcpy(record.name, name);
    log.take(record.head, sizeof record);
  }
  void word(std::uint32_t type, std::uint32_t window) {
    lg_record_window record{};
    record.head = {type, 0, 7};
    record.window = window;
    log.take(record.head, sizeof record);
  }
  /// "NAME ..." of the windows, then of the scopes.
  std::string part(std::uint32_t from) {
    model::Trace trace;
    log.describe_part(0, from, trace);
    std::string names;
    for (const auto& window : trace.windows)
      names += window.name + " ";
    names += "|";
    for (const auto& scope : trace.scopes)
      names += " " + scope.name;
    return names;
  }
};

/// Threads that open scopes at the same moment may tell such things, and so may a broken target.
TEST(TraceLog, ScopesThatAreTheirOwnParentsEnd) {
  Log log;
  log.scope(1, 1, "own parent");
  log.scope(2, 3, "opened in a later one");
  log.scope(3, 2, "later");
  EXPECT_EQ(log.part(1), "| own parent opened in a later one later");
  EXPECT_EQ(log.part(3), "| opened in a later one later");
}

TEST(TraceLog, QuestionHasItsTestAndTheScopesAroundAndInside) {
  Log log;
  log.scope(1, 0, "suite");
  log.test(2, "first");
  log.test(3, "second");
  log.scope(4, 3, "outer");
  log.scope(5, 4, "inner");
  log.scope(6, 5, "innermost");
  EXPECT_EQ(log.part(3), "second | outer inner innermost");
  EXPECT_EQ(log.part(5), "second | outer inner innermost");
  EXPECT_EQ(log.part(1), "first second | suite outer inner innermost");
}

/// Scopes of threads overlap: one that was opened later may lie in one that the part asked about does not.
TEST(TraceLog, QuestionHasWhatScopesOfOtherThreadsLieIn) {
  Log log;
  log.test(1, "first");
  log.scope(2, 1, "another's outer");
  log.scope(3, 1, "asked");
  log.scope(4, 2, "another's inner");
  EXPECT_EQ(log.part(3), "first | another's outer asked another's inner");
}

TEST(TraceLog, FailureByAnAdapterCountsForItsTest) {
  Log log;
  log.test(1, "first");
  log.test(2, "second");
  log.word(LG_REC_TEST_FAILED, 1);
  EXPECT_EQ(log.log.windows()[0].failed, 1u);
  EXPECT_EQ(log.log.windows()[1].failed, 0u);
}

TEST(TraceLog, AcceptedScopeIsMarked) {
  Log log;
  log.scope(1, 0, "one");
  log.scope(2, 1, "two");
  log.word(LG_REC_ACCEPTED, 2);
  log.word(LG_REC_ACCEPTED, 0);  // nothing was outstanding
  EXPECT_FALSE(log.log.scopes()[0].accepted);
  EXPECT_TRUE(log.log.scopes()[1].accepted);
}

TEST(TraceLog, ShortRecordsAreLeftOut) {
  Log log;
  lg_record_scope record{};
  record.head = {LG_REC_SCOPE, 0, 6};
  log.log.take(record.head, sizeof record - 1);
  EXPECT_TRUE(log.log.scopes().empty());
}

}  // namespace
}  // namespace leakgate::capture

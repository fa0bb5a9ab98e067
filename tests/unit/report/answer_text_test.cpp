// SPDX-License-Identifier: Apache-2.0
// What a failing test is told: what leaked, where, in which section; not how the framework got there.
#include "harness/report/answer_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/report/verdicts.h"

namespace leakgate::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(AnswerText, NamesAmountKindSiteAndStack) {
  EXPECT_EQ(answer_text(test::TwoTests().verdict()),
            "leakgate: 48 bytes in 2 blocks leaked\n"
            "  48 bytes in 2 blocks unclassified, allocated by malloc at src/list.cpp:12 in make_node\n"
            "    > #0 make_node at src/list.cpp:12\n"
            "      #1 Suite_Leaks_Test::TestBody at tests/list_test.cpp:14\n");
}

TEST(AnswerText, NamesSectionTypeCycleAndHolders) {
  test::TwoTests builder;
  model::BlockGroup& group = builder.recording.blocks[0];
  group.kind = model::Kind::indirectly_lost;
  group.section = "outer / inner";
  group.type = "Node";
  group.cycle = true;
  group.retained_by = {"block from make_list"};
  const std::string text = answer_text(builder.verdict());
  EXPECT_THAT(text, HasSubstr(" in make_node, section \"outer / inner\"\n    type Node\n"));
  EXPECT_THAT(text, HasSubstr("    they hold each other: a cycle\n    held by block from make_list\n"));
}

TEST(AnswerText, OtherLeaksAreCounted) {
  test::TwoTests builder;
  for (std::uint32_t line = 100; line < 112; ++line)
    builder.leak(builder.leaky, builder.stack({test::app_frame("f", "src/f.cpp", line)}), 1, 1);
  EXPECT_THAT(answer_text(builder.verdict()), HasSubstr("\n  and 3 more leaks\n"));
}

TEST(AnswerText, WhatDoesNotFailIsLeftOut) {
  test::TwoTests builder;
  builder.leak(builder.leaky, builder.stack({test::app_frame("kept", "src/k.cpp", 3)}), 7, 1).kind =
      model::Kind::still_reachable;
  EXPECT_THAT(answer_text(builder.verdict()), Not(HasSubstr("kept")));
}

TEST(AnswerText, DrivesNoTerminalAndStaysShort) {
  const std::string text = answer_text(judge::judge(test::hostile().recording, {}));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_LT(text.size(), 20'000u);
}

}  // namespace
}  // namespace leakgate::report

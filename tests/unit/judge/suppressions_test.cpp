// SPDX-License-Identifier: Apache-2.0
// Suppressions in their three forms, and what becomes of them.
#include "harness/judge/suppressions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::LeakVerdict;
using model::SuppressionState;
using ::testing::HasSubstr;

/// 48 bytes in 2 blocks in List.A: operator new <- Cache::insert(int) <- TestBody.
struct OneLeak : test::RecordingBuilder {
  OneLeak() {
    leak(test(process(), "List.A"),
         stack(test::with_gtest_below({test::in_libstdcxx("operator new(unsigned long)"),
                                       {"app::Cache::insert(int)", "/home/dev/app/src/cache.cpp", 12},
                                       {"TestBody", "/home/dev/app/tests/t.cpp", 20}})),
         48, 2);
  }
  [[nodiscard]] model::Verdict verdict(std::string_view text, bool strict = false) const {
    Policy policy;
    auto read = parse_suppressions(text, "s");
    EXPECT_TRUE(read) << read.error().message;
    if (read) policy.suppressions = *read;
    policy.fail_unused_suppressions = policy.fail_expired_suppressions = strict;
    return judge(recording, policy);
  }
  [[nodiscard]] bool hides(std::string_view text) const {
    return verdict(text).leaks.at(0).verdict == LeakVerdict::suppressed;
  }
};

std::string error_of(std::string_view text) {
  const auto read = parse_suppressions(text, "s");
  if (read) return "none";
  EXPECT_FALSE(read.error().hint.empty());
  return read.error().message;
}

TEST(Suppressions, LeakSanitizersLines) {
  const OneLeak builder;
  EXPECT_TRUE(builder.hides("# comment\n\nleak:Cache::insert\n"));
  EXPECT_TRUE(builder.hides("leak:cache.cpp"));
  EXPECT_TRUE(builder.hides("leak:libstdc++.so"));
  EXPECT_TRUE(builder.hides("leak:^app::*insert"));
  EXPECT_TRUE(builder.hides("race:nothing\nleak:TestBody$\r\n"));
  EXPECT_FALSE(builder.hides("leak:^Cache"));
  EXPECT_FALSE(builder.hides("leak:Cache$"));
  EXPECT_FALSE(builder.hides("leak:other"));
}

TEST(Suppressions, AByteOrderMarkOfAnEditorIsPassedOver) {
  const auto read = parse_suppressions("\xEF\xBB\xBFleak:one\r\nleak:two\r\n", "s");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 2u);
}

TEST(Suppressions, ValgrindsBlocks) {
  const OneLeak builder;
  const auto block = [](const std::string& rows) { return "{\n  name\n  Memcheck:Leak\n" + rows + "}\n"; };
  EXPECT_TRUE(builder.hides(block("  fun:_Znwm\n  fun:_ZN3app5Cache6insertEi\n")));
  EXPECT_TRUE(
      builder.hides(block("  match-leak-kinds: definite\n  fun:operator new*\n  ...\n  fun:TestBody\n")));
  EXPECT_TRUE(builder.hides(block("  ...\n  src:cache.cpp:12\n")));
  EXPECT_TRUE(builder.hides(block("  fun:malloc\n  obj:*/libstdc++.so*\n")));
  EXPECT_TRUE(builder.hides(block("  fun:_Znam\n  fun:_ZN3app5Cache6insertEi\n"))) << "new[] leaves no frame";
  EXPECT_FALSE(builder.hides(block("  fun:_Znam\n  fun:other\n")));
  EXPECT_FALSE(builder.hides(block("  fun:_ZN3app5Cache6insertEi\n")))
      << "it matches from the innermost frame on";
  EXPECT_FALSE(builder.hides(block("  fun:_Znwm\n  fun:other\n")));
  EXPECT_FALSE(builder.hides("{\n name\n Memcheck:Addr4\n fun:_Znwm\n}\n")) << "another error, passed over";
}

TEST(Suppressions, OurOwnLines) {
  const OneLeak builder;
  EXPECT_TRUE(builder.hides("suppress: function=*::insert owner=me reason=\"known, see #12\""));
  EXPECT_TRUE(builder.hides("suppress: path=*/src/cache.cpp module=unit_tests test=List.*"));
  EXPECT_FALSE(builder.hides("suppress: path=*/src/cache.cpp module=libstdc++*"))
      << "one frame must match all";
  EXPECT_TRUE(builder.hides("suppress: path=src/cache.cpp")) << "as reports show it";
  EXPECT_FALSE(builder.hides("suppress: path=rc/cache.cpp"));
  EXPECT_FALSE(builder.hides("suppress: function=*::insert test=Map.*"));
  EXPECT_FALSE(builder.hides("suppress: function=*::insert kind=still_reachable"));
  EXPECT_TRUE(builder.hides("suppress: function=*::insert max-bytes=48 max-blocks=2"));
  EXPECT_FALSE(builder.hides("suppress: function=*::insert max-bytes=47"));
  EXPECT_FALSE(builder.hides("suppress: function=*::insert max-blocks=1"));
  EXPECT_EQ(builder.verdict("suppress: function=*::insert max-blocks=1").suppressions[0].state,
            model::SuppressionState::exceeded);
}

TEST(Suppressions, ExpireOnTheDayOfTheRun) {
  const OneLeak builder;  // the run was on 2026-01-31
  EXPECT_TRUE(builder.hides("suppress: function=*::insert expires=2026-01-31"));
  EXPECT_FALSE(builder.hides("suppress: function=*::insert expires=2026-01-30"));
  EXPECT_THAT(builder.verdict("suppress: function=*::insert expires=2026-01-30").leaks[0].reason,
              HasSubstr("expired"));
}

TEST(Suppressions, UseIsCountedAndUnusedOnesFailOnRequest) {
  const OneLeak builder;
  const auto verdict = builder.verdict("leak:insert\nleak:nothing_like_it\n");
  ASSERT_EQ(verdict.suppressions.size(), 2u);
  EXPECT_EQ(verdict.suppressions[0].state, SuppressionState::used);
  EXPECT_EQ(verdict.suppressions[0].leaks, 1u);
  EXPECT_EQ(verdict.suppressions[0].bytes, 48u);
  EXPECT_EQ(verdict.suppressions[0].blocks, 2u);
  EXPECT_EQ(verdict.suppressions[1].state, SuppressionState::unused);
  EXPECT_EQ(verdict.suppressions[1].source, "s:2");
  EXPECT_EQ(verdict.summary.verdict, model::RunVerdict::pass);
  const auto strict = builder.verdict("leak:insert\nleak:nothing_like_it\n", true);
  EXPECT_EQ(strict.summary.verdict, model::RunVerdict::fail);
  EXPECT_EQ(strict.limits_exceeded.at(0), "s:2: the suppression is unused");
}

TEST(Suppressions, WhatIsWrittenHidesWhatWasThere) {
  OneLeak builder;
  const auto text = format_suppressions(builder.verdict(""));
  EXPECT_TRUE(builder.hides(text)) << text;
  builder.recording.blocks[0].bytes = 49;
  EXPECT_FALSE(builder.hides(text)) << "it has grown";
}

TEST(Suppressions, ComplaintsNameTheLine) {
  EXPECT_EQ(error_of("leak:x\nlaek:y\n"), "s:2:1: this is no suppression");
  EXPECT_THAT(error_of("leak:\n"), HasSubstr("would hide everything"));
  EXPECT_EQ(error_of("suppress: function=f max-bytes=x"), "s:1:22: max-bytes wants a whole number");
  EXPECT_EQ(error_of("suppress: function=f expires=soon"), "s:1:22: 'soon' is no date");
  EXPECT_EQ(error_of("suppress: functoin=f"), "s:1:11: 'functoin' is not known");
  EXPECT_EQ(error_of("suppress: owner=me"), "s:1:1: this suppression would hide everything");
  EXPECT_EQ(error_of("suppress: function=\"f"), "s:1:20: a quotation mark is missing");
  EXPECT_EQ(error_of("suppress: function=f function=g"), "s:1:22: function is there twice");
  EXPECT_THAT(error_of("{\n a\n Memcheck:Leak\n fun:f\n"),
              HasSubstr("the block that begins in line 1 has no end"));
  EXPECT_THAT(error_of("{\n a\n Memcheck:Leak\n}\n"), HasSubstr("would hide everything"));
  EXPECT_THAT(error_of("{\n a\n Memcheck:Leak\n match-leak-kinds: some\n fun:f\n}\n"),
              HasSubstr("no kind of leak"));
  EXPECT_THAT(error_of(std::string(70000, 'x')), HasSubstr("longer than 64 KiB"));
}

}  // namespace
}  // namespace leakgate::judge

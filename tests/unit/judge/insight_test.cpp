// SPDX-License-Identifier: Apache-2.0
// Patterns, and where the missing free belongs.
#include "harness/judge/insight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/judge/judge.h"
#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

using model::LeakPattern;
using test::FrameText;
using test::RecordingBuilder;
using ::testing::HasSubstr;

const FrameText kUser = {"make_node", "/home/dev/app/src/list.cpp", 12};

struct OneLeak : RecordingBuilder {
  explicit OneLeak(const std::vector<FrameText>& frames = {kUser}, std::uint64_t blocks = 1) {
    leak(test(process(), "List.Adds"), stack(test::with_gtest_below(frames)), 64, blocks).kind =
        model::Kind::definitely_lost;
  }
  [[nodiscard]] model::Leak judged() const { return judge(recording, {}).leaks.at(0); }
};

TEST(Insight, OneBlockIsAOneShotAndSeveralByOnePathALoop) {
  EXPECT_EQ(OneLeak().judged().pattern, LeakPattern::one_shot);
  EXPECT_EQ(OneLeak({kUser}, 3).judged().pattern, LeakPattern::loop);
}

TEST(Insight, GroupsOfOnePathAreALoopWhateverTellsThemApart) {
  OneLeak leak;  // each thread, and each moment of getting lost, has a group
  leak.leak(0, leak.recording.blocks[0].stack, 64).kind = model::Kind::definitely_lost;
  leak.recording.blocks[1].lost_at_end = true;
  ASSERT_EQ(judge(leak.recording, {}).leaks.size(), 1u);
  EXPECT_EQ(leak.judged().pattern, LeakPattern::loop);
}

TEST(Insight, BlocksByDifferentPathsAreNoLoop) {
  OneLeak two;
  two.leak(0, two.stack(test::with_gtest_below({kUser, {"List_Test::TestBody", "/home/dev/app/t.cpp", 9}})),
           64)
      .kind = model::Kind::definitely_lost;
  for (const auto& leak : judge(two.recording, {}).leaks)
    EXPECT_NE(leak.pattern, LeakPattern::loop);
}

TEST(Insight, ErrorsAfterTheAllocationMakeAnErrorPath) {
  OneLeak thrown({kUser}, 3), failed;
  thrown.recording.blocks[0].thrown_after = true;
  failed.recording.blocks[0].failed_after = true;
  EXPECT_EQ(thrown.judged().pattern, LeakPattern::error_path);
  EXPECT_THAT(std::string(thrown.judged().recommendation), HasSubstr("An exception was thrown"));
  EXPECT_EQ(failed.judged().pattern, LeakPattern::error_path);
  EXPECT_THAT(std::string(failed.judged().recommendation), HasSubstr("An assertion failed"));
}

TEST(Insight, CallsOfTheCLibraryThatStandForMore) {
  const std::string libc = "/lib/x86_64-linux-gnu/libc.so.6";
  const auto file =
      OneLeak({{"__fopen_internal", "", 0, libc}, {"_IO_new_fopen", "", 0, libc}, kUser}).judged();
  EXPECT_EQ(file.pattern, LeakPattern::resource);
  EXPECT_THAT(std::string(file.recommendation), HasSubstr("fclose"));
  EXPECT_EQ(OneLeak({{"fopen", "/home/dev/app/src/own.cpp", 3}}).judged().pattern, LeakPattern::one_shot)
      << "a function of the user's own";
}

TEST(Insight, PointsAtTheUsersFrameOfTheFree) {
  OneLeak leak;
  const auto free = leak.stack(
      {test::in_libstdcxx("operator delete(void*)"), {"drop_node", "/home/dev/app/src/list.cpp", 30}});
  leak.recording.stacks[0].freed_by = free;
  const auto judged = leak.judged();
  ASSERT_EQ(judged.freed_by.size(), 2u);
  EXPECT_EQ(judged.freed_site, 1u);
  EXPECT_EQ(judged.freed_by[judged.freed_site].function, "drop_node");
  EXPECT_TRUE(OneLeak().judged().freed_by.empty());
}

}  // namespace
}  // namespace leakgate::judge

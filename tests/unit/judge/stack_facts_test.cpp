// SPDX-License-Identifier: Apache-2.0
// Facts of stacks are the same, however many are looked at together.
#include "harness/judge/stack_facts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/judge/recording_builder.h"

namespace leakgate::judge {
namespace {

TEST(StackFacts, OfManyStacksLookedAtSideBySideAreThoseLookedAtAlone) {
  constexpr std::size_t kStacks = 9000, kAlone = 1000;
  test::RecordingBuilder builder;
  const auto row = builder.test(builder.process(), "S.T");
  for (std::uint32_t i = 0; i < kStacks; ++i) {
    const std::string number = std::to_string(i);
    auto frames = test::with_gtest_below({{"make" + number, "/home/dev/app/src/a.cpp", i}});
    if (i % 3 == 0) frames.insert(frames.begin(), test::in_libstdcxx("operator new(unsigned long)"));
    if (i % 7 == 0) frames.insert(frames.begin(), test::in_gtest("testing::internal::f" + number));
    builder.leak(row, builder.stack(frames), 8);
  }
  builder.leak(row, 77777, 8);  // a stack that is not there
  const auto& r = builder.recording;
  const auto stacks =
      std::make_shared<const model::StackTable>(model::StackTable{r.modules, r.frames, r.stacks});
  const StackFactsTable together(stacks, r.blocks);
  for (std::size_t from = 0; from < r.blocks.size(); from += kAlone) {
    const auto begin = r.blocks.begin() + static_cast<std::ptrdiff_t>(from);
    const std::vector<model::BlockGroup> some(
        begin, begin + static_cast<std::ptrdiff_t>(std::min(kAlone, r.blocks.size() - from)));
    const StackFactsTable alone(stacks, some);
    for (const auto& group : some) {
      const StackFacts &one = together.of(group.stack), &other = alone.of(group.stack);
      ASSERT_FALSE(one.fingerprint.text.empty()) << group.stack;
      ASSERT_EQ(one.fingerprint, other.fingerprint) << group.stack;
      ASSERT_EQ(one.identity, other.identity) << group.stack;
      ASSERT_EQ(one.site, other.site) << group.stack;
      ASSERT_EQ(one.kept_by, other.kept_by) << group.stack;
    }
  }
  EXPECT_EQ(together.of(0).kept_by, "GoogleTest");
  EXPECT_EQ(together.of(1).site, 0u);
  EXPECT_EQ(together.of(3).site, 1u);
}

}  // namespace
}  // namespace leakgate::judge

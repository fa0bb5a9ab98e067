// SPDX-License-Identifier: Apache-2.0
// What a filter selected beside the test that was meant is not judged.
#include "harness/model/only_tests.h"

#include <gtest/gtest.h>

#include "tests/unit/judge/recording_builder.h"

namespace leakgate::model {
namespace {

TEST(OnlyTests, OthersOfTheProcessGoWithTheirBlocks) {
  test::RecordingBuilder builder;
  const auto own = builder.process(), helper = builder.process();
  const auto stack = builder.stack({{"f", "f.cpp", 1}});
  for (const auto index : {builder.test(own, "parses json"), builder.outside(own),
                           builder.test(own, "parses JSON"), builder.test(helper, "helper")})
    builder.leak(index, stack, 8);
  builder.recording.blocks[1].lost_after = 2;
  builder.recording.blocks[2].lost_after = 0;
  Recording& recording = builder.recording;
  keep_only_tests(recording, {"parses JSON"});
  ASSERT_EQ(recording.tests.size(), 3u);
  EXPECT_EQ(recording.tests[0].id, "(outside tests)");
  EXPECT_EQ(recording.tests[1].id, "parses JSON");
  EXPECT_EQ(recording.tests[2].id, "helper") << "another process";
  ASSERT_EQ(recording.blocks.size(), 3u);
  for (std::uint32_t i = 0; i < 3; ++i)
    EXPECT_EQ(recording.blocks[i].test, i);
  EXPECT_EQ(recording.blocks[0].lost_after, 1u);
  EXPECT_EQ(recording.blocks[1].lost_after, kNone);
}

TEST(OnlyTests, WhereItDidNotRunNothingGoes) {
  test::RecordingBuilder builder;
  builder.test(builder.process(), "other");
  keep_only_tests(builder.recording, {"absent"});
  EXPECT_EQ(builder.recording.tests.size(), 1u);
}

}  // namespace
}  // namespace leakgate::model

// SPDX-License-Identifier: Apache-2.0
// The channel's two ends agree: the header that programs include, the kernel side's wire.h, and the notes
// that the one leaves for the other. This very program has an adapter in it.
#include "harness/capture/planner/query_places.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <leakgate/leakgate.h>

#include <cstddef>
#include <string>

#include "bpf/wire.h"
#include "harness/base/elf_image.h"
#include "harness/model/recording.h"

namespace leakgate::capture {
namespace {

#define EXPECT_SAME_PLACE(field) EXPECT_EQ(offsetof(lg_query, field), offsetof(leakgate_query, field))

TEST(Channel, QuestionIsTheSameOnBothSides) {
  EXPECT_EQ(sizeof(lg_query), sizeof(leakgate_query));
  EXPECT_SAME_PLACE(version);
  EXPECT_SAME_PLACE(kind);
  EXPECT_SAME_PLACE(object);
  EXPECT_SAME_PLACE(suite);
  EXPECT_SAME_PLACE(name);
  EXPECT_SAME_PLACE(file);
  EXPECT_SAME_PLACE(line);
  EXPECT_SAME_PLACE(framework);
  EXPECT_SAME_PLACE(failed);
  EXPECT_SAME_PLACE(skipped);
  EXPECT_SAME_PLACE(flags);
  EXPECT_SAME_PLACE(answer_bytes);
  EXPECT_SAME_PLACE(answer);
}

TEST(Channel, AnswerIsTheSameOnBothSides) {
  EXPECT_EQ(offsetof(lg_answer, status), offsetof(leakgate_result, status));
  EXPECT_EQ(offsetof(lg_answer, leaks), offsetof(leakgate_result, leaks));
  EXPECT_EQ(offsetof(lg_answer, leaked), offsetof(leakgate_result, leaked));
  EXPECT_EQ(offsetof(lg_answer, kinds), offsetof(leakgate_result, kinds));
  EXPECT_EQ(sizeof(lg_answer), offsetof(leakgate_result, text));
  EXPECT_EQ(sizeof(leakgate_result), 8192u);
}

TEST(Channel, NumbersAreTheSameOnBothSides) {
  const auto same = [](auto ours, auto theirs) { return static_cast<int>(ours) == static_cast<int>(theirs); };
  EXPECT_TRUE(same(LG_ASK_TEST_START, LEAKGATE_ASK_TEST_START));
  EXPECT_TRUE(same(LG_ASK_TEST_END, LEAKGATE_ASK_TEST_END));
  EXPECT_TRUE(same(LG_ASK_TEST_FAILED, LEAKGATE_ASK_TEST_FAILED));
  EXPECT_TRUE(same(LG_ASK_SCOPE_START, LEAKGATE_ASK_SCOPE_START));
  EXPECT_TRUE(same(LG_ASK_SCOPE_END, LEAKGATE_ASK_SCOPE_END));
  EXPECT_TRUE(same(LG_ASK_SCOPE_CHECK, LEAKGATE_ASK_SCOPE_CHECK));
  EXPECT_TRUE(same(LG_ASK_IGNORE, LEAKGATE_ASK_IGNORE));
  EXPECT_TRUE(same(LG_ASK_DISABLE, LEAKGATE_ASK_DISABLE));
  EXPECT_TRUE(same(LG_ASK_ENABLE, LEAKGATE_ASK_ENABLE));
  EXPECT_TRUE(same(LG_ASK_SNAPSHOT, LEAKGATE_ASK_SNAPSHOT));
  EXPECT_TRUE(same(LG_ASK_ACCEPT, LEAKGATE_ASK_ACCEPT));
  EXPECT_TRUE(same(LG_ASK_OWN_BLOCKS, LEAKGATE_OWN_BLOCKS));
  EXPECT_TRUE(same(LG_ANSWER_LEAKS, LEAKGATE_LEAKS));
  EXPECT_TRUE(same(LG_ANSWER_UNKNOWN, LEAKGATE_UNKNOWN));
  EXPECT_TRUE(same(model::Framework::gtest, LEAKGATE_GTEST));
  EXPECT_TRUE(same(model::Framework::catch2, LEAKGATE_CATCH2));
  EXPECT_TRUE(same(model::Kind::still_reachable, LEAKGATE_STILL_REACHABLE));
}

TEST(Channel, PlaceIsNotedInTheFile) {
  leakgate_say(LEAKGATE_ASK_ENABLE, 0);  // the header's function is in use
  const Descriptor self(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto places = find_query_places(self.get());
  ASSERT_EQ(places.size(), 1u);
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image);
  const auto code = image->read_code(places[0].vaddr, 1);
  ASSERT_TRUE(code);
  EXPECT_EQ(code->front(), 0x90) << "a nop";
  EXPECT_TRUE(image->file_offset(places[0].counter_vaddr)) << "the counter is in the file";
}

TEST(Channel, OtherFilesHaveNoPlaces) {
  const Descriptor text(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(find_query_places(text.get()).empty());
  EXPECT_TRUE(find_query_places(-1).empty());
}

}  // namespace
}  // namespace leakgate::capture

// SPDX-License-Identifier: Apache-2.0
// Stacks that share frames, and such as say they do.
#include "tests/unit/capture/ledger.h"

namespace leakgate::capture {
namespace {

/// A second stack, of the process's first two frames and what `head` says, and a third that shares with it.
class SharedFrames : public Ledger {
 protected:
  void add(const FrameHead& second, const FrameHead& third) {
    lg_stack stack{};
    stack.function = LG_FN_malloc;
    for (stack.node = 4; stack.node <= 6; stack.node += 2)
      put_stack(stack.node / 2, stack);
    put(preload::kFramesAt + 32, second);
    put(preload::kFramesAt + 40, std::uint64_t{0x1003});
    put(preload::kFramesAt + 48, third);
    put(preload::kFramesAt + 56, std::uint64_t{0x1004});
    put(offsetof(Region, stacks), std::uint32_t{3});
    put(offsetof(Region, frame_words), std::uint32_t{7});
    LiveBucket bucket{};
    for (std::uint32_t i = 0; i < 2; ++i) {
      bucket.entries[i].name = 0x900000 + i * 0x10000;
      bucket.entries[i].block = {16, 2 + i, 0, 1, 7};
    }
    put(preload::kLiveAt + sizeof bucket, bucket);
    put(preload::kThreadsAt + offsetof(preload::Thread, counts.outside),
        std::uint64_t{std::size(kSizes) + 2});
  }
  std::vector<std::vector<std::uint64_t>> frames() {
    std::vector<std::uint32_t> ids;
    (void)session_->visit_live([&](const lg_live_key& key, const lg_live& block) {
      if (key.addr >= 0x900000 && key.addr < 0x920000) ids.push_back(block.stack);
      return false;
    });
    std::vector<std::vector<std::uint64_t>> all;
    for (const std::uint32_t id : ids) {
      const auto row = session_->stack(id);
      all.push_back(row ? row->frames : std::vector<std::uint64_t>{0});
    }
    return all;
  }
};
using Frames = std::vector<std::vector<std::uint64_t>>;

TEST_F(SharedFrames, AreThoseOfTheOuterStacks) {
  add({1, 1, 1}, {4, 2, 1});
  const Frames expected = {{0x1003, 0x1001}, {0x1004, 0x1003, 0x1001}};
  EXPECT_EQ(frames(), expected);
  session_->retire(0);  // read at once
  EXPECT_EQ(frames(), expected);
  EXPECT_EQ(damages(), 0u);
}

TEST_F(SharedFrames, MayBeOfAStackFurtherOutThanTheOneThatIsNamed) {
  add({1, 2, 1}, {4, 1, 1});
  EXPECT_EQ(frames(), (Frames{{0x1003, 0x1002, 0x1001}, {0x1004, 0x1001}}));
}

TEST_F(SharedFrames, MoreThanThereAreAreDamage) {
  add({1, 3, 1}, {4, 4, 0});
  EXPECT_EQ(frames(), (Frames{{}, {}}));
  EXPECT_EQ(damages(), 2u);
}

TEST_F(SharedFrames, OfNobodyAreDamage) {
  add({0, 2, 1}, {1, 2, 1});
  EXPECT_EQ(frames(), (Frames{{}, {0x1004, 0x1002, 0x1001}}));
  EXPECT_EQ(damages(), 1u);
}

TEST_F(SharedFrames, WithoutAHeadAreDamage) {
  add({0, 0, 0}, {4, 0, 1});
  EXPECT_EQ(frames(), (Frames{{}, {0x1004}}));
  EXPECT_EQ(damages(), 1u);
}

TEST_F(SharedFrames, OfAStackThatComesLaterAreDamage) {
  add({6, 1, 1}, {0, 0, 1});
  EXPECT_EQ(frames(), (Frames{{}, {0x1004}}));
  EXPECT_EQ(damages(), 1u);
}

TEST_F(SharedFrames, OfTheStackItselfAreDamage) {
  add({4, 2, 1}, {6, 2, 1});
  EXPECT_EQ(frames(), (Frames{{}, {}}));
  EXPECT_EQ(damages(), 2u);
}

}  // namespace
}  // namespace leakgate::capture

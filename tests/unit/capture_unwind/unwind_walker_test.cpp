// SPDX-License-Identifier: Apache-2.0
// Each rule and each way a walk can end, on made-up stacks.
#include "harness/capture/unwind/unwind_walker.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

using leakgate::capture::index_rows;
using leakgate::capture::MappedModule;
using leakgate::capture::UnwindTable;
using leakgate::capture::walk;
using leakgate::capture::WalkedStack;
using leakgate::capture::WalkEnd;
using leakgate::capture::WalkRegisters;

namespace {

constexpr std::uint64_t kBias = 0x7f0000000000U;
constexpr std::uint64_t kStack = 0x7ffd00000000U;

/// One module with these rows, and a memory of single words.
class MadeUpSpace : public leakgate::capture::WalkSpace {
 public:
  explicit MadeUpSpace(std::vector<lg_row> rows) {
    table_.rows = std::move(rows);
    EXPECT_TRUE(index_rows(table_));
    module_ = {kBias, kBias + 0x10000, kBias, &table_};
  }
  bool read_word(std::uint64_t address, std::uint64_t& word) override {
    const auto found = words.find(address);
    if (found == words.end()) return false;
    word = found->second;
    return true;
  }
  const MappedModule* find_module(std::uint64_t pc) override {
    return pc >= module_.start && pc < module_.end ? &module_ : nullptr;
  }

  std::map<std::uint64_t, std::uint64_t> words;

 private:
  UnwindTable table_;
  MappedModule module_;
};

struct Walked {
  std::vector<std::uint64_t> frames;
  WalkEnd end;
};

Walked walk_from(const WalkRegisters& registers, MadeUpSpace& space) {
  WalkedStack stack;
  walk(registers, space, stack);
  return {{stack.frames.begin(), stack.frames.begin() + stack.count}, stack.end};
}

/// [0x1000, 0x1080): `rule`; [0x1080, 0x1100): the end; the rest: no rule.
std::vector<lg_row> rows_with(std::uint32_t rule) {
  return {{0x1000, rule}, {0x1080, LG_RULE_END}, {0x1100, LG_RULE_NONE}};
}

constexpr std::uint64_t kInner = kBias + 0x1010;
constexpr std::uint64_t kOuter = kBias + 0x1090;
using Frames = std::vector<std::uint64_t>;

TEST(UnwindWalker, CfaFromTheStackPointer) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RSP, 24, 0, 0)));
  space.words = {{kStack + 16, kOuter}};
  const Walked walked = walk_from({kInner, kStack, 0}, space);
  EXPECT_EQ(walked.frames, (Frames{kInner, kOuter}));
  EXPECT_EQ(walked.end, WalkEnd::complete);
}

TEST(UnwindWalker, CfaFromTheFramePointerWhichIsRestored) {
  MadeUpSpace space(
      {{0x1000, LG_RULE_MAKE(LG_RULE_RBP, 16, 0, -16)}, {0x1080, LG_RULE_END}, {0x1100, LG_RULE_NONE}});
  space.words = {
      {kStack + 32, kStack + 64}, {kStack + 40, kInner + 1}, {kStack + 64, 0}, {kStack + 72, kOuter}};
  const Walked walked = walk_from({kInner, kStack, kStack + 32}, space);
  EXPECT_EQ(walked.frames, (Frames{kInner, kInner + 1, kOuter}));
  EXPECT_EQ(walked.end, WalkEnd::complete);
}

TEST(UnwindWalker, FramesTellWhereOnTheStackTheyBegin) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RSP, 24, 0, 0)));
  space.words = {{kStack + 16, kInner + 1}, {kStack + 40, kOuter}};
  WalkedStack stack;
  walk({kInner, kStack, 0}, space, stack);
  ASSERT_EQ(stack.count, 3u);
  EXPECT_EQ(std::vector(stack.stack_pointers.begin(), stack.stack_pointers.begin() + 3),
            (Frames{kStack, kStack + 24, kStack + 48}));
  EXPECT_EQ(std::vector(stack.exact.begin(), stack.exact.begin() + 3),
            (std::vector<bool>{true, false, false}));
}

TEST(UnwindWalker, CfaReadFromTheFrame) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RBP_DEREF, -8, 1, 0)));
  space.words = {{kStack + 24, kStack + 80}, {kStack + 72, kOuter}, {kStack + 32, 5}};
  EXPECT_EQ(walk_from({kInner, kStack, kStack + 32}, space).frames, (Frames{kInner, kOuter}));
  MadeUpSpace other(rows_with(LG_RULE_MAKE(LG_RULE_RSP_DEREF, 8, 0, 0)));
  other.words = {{kStack + 8, kStack + 80}, {kStack + 72, kOuter}};
  EXPECT_EQ(walk_from({kInner, kStack, 0}, other).frames, (Frames{kInner, kOuter}));
}

TEST(UnwindWalker, CfaAboveTheStackPointerThatWasSaved) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RSP_DEREF_PLUS8, 8, 0, -16)));
  space.words = {{kStack + 8, kStack + 72}, {kStack + 64, 7}, {kStack + 72, kOuter}};
  EXPECT_EQ(walk_from({kInner, kStack, 0}, space).frames, (Frames{kInner, kOuter}));
  MadeUpSpace other(rows_with(LG_RULE_MAKE(LG_RULE_RBP_DEREF_PLUS8, -8, 0, 0)));
  other.words = {{kStack + 24, kStack + 72}, {kStack + 72, kOuter}};
  EXPECT_EQ(walk_from({kInner, kStack, kStack + 32}, other).frames, (Frames{kInner, kOuter}));
}

TEST(UnwindWalker, FrameOfALargeArray) {
  MadeUpSpace space({{0x1000, LG_RULE_MAKE_FAR(1 << 20, -24)},
                     {0x1040, LG_RULE_MAKE(LG_RULE_RBP, 16, 0, -16)},
                     {0x1080, LG_RULE_END},
                     {0x1100, LG_RULE_NONE}});
  const std::uint64_t cfa = kStack + (1 << 20);
  space.words = {{cfa - 24, cfa + 32}, {cfa - 8, kBias + 0x1050}, {cfa + 32, 0}, {cfa + 40, kOuter}};
  EXPECT_EQ(walk_from({kInner, kStack, 0}, space).frames, (Frames{kInner, kBias + 0x1050, kOuter}));
}

TEST(UnwindWalker, LinkageTableBeforeAndAfterItsPush) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_PLT, 8, 0, 0)));
  space.words = {{kStack, kOuter}, {kStack + 8, kOuter + 1}};
  EXPECT_EQ(walk_from({kBias + 0x101a, kStack, 0}, space).frames, (Frames{kBias + 0x101a, kOuter}));
  EXPECT_EQ(walk_from({kBias + 0x101b, kStack, 0}, space).frames, (Frames{kBias + 0x101b, kOuter + 1}));
}

TEST(UnwindWalker, ReturnAddressIsLookedUpOneByteBefore) {
  MadeUpSpace space(
      {{0x1000, LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0)}, {0x1080, LG_RULE_UNSUPPORTED}, {0x1100, LG_RULE_NONE}});
  space.words = {{kStack, kBias + 0x1080}, {kStack + 8, 0}};
  const Walked walked = walk_from({kInner, kStack, 0}, space);
  EXPECT_EQ(walked.frames, (Frames{kInner, kBias + 0x1080}));
  EXPECT_EQ(walked.end, WalkEnd::complete);
  EXPECT_EQ(walk_from({kBias + 0x1080, kStack, 0}, space).end, WalkEnd::unsupported);
}

TEST(UnwindWalker, InterruptedPcIsLookedUpAsItIs) {
  MadeUpSpace space({{0x1000, LG_RULE_SIGNAL}, {0x1080, LG_RULE_END}, {0x1100, LG_RULE_NONE}});
  space.words = {{kStack + 168, kBias + 0x1080}, {kStack + 160, kStack - 4096}, {kStack + 120, 7}};
  const Walked walked = walk_from({kInner, kStack, 0}, space);
  EXPECT_EQ(walked.frames, (Frames{kInner, kBias + 0x1080}));
  EXPECT_EQ(walked.end, WalkEnd::complete);
}

TEST(UnwindWalker, ReturnAddressZeroIsTheEnd) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0)));
  space.words = {{kStack, 0}};
  const Walked walked = walk_from({kInner, kStack, 0}, space);
  EXPECT_EQ(walked.frames, (Frames{kInner}));
  EXPECT_EQ(walked.end, WalkEnd::complete);
}

TEST(UnwindWalker, CodeWithoutCfiIsLeftByItsFramePointer) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0)));
  space.words = {{kStack + 16, 1}, {kStack + 24, kOuter}};
  const Walked walked = walk_from({kBias + 0x5000, kStack, kStack + 16}, space);
  EXPECT_EQ(walked.frames, (Frames{kBias + 0x5000, kOuter}));
  EXPECT_EQ(walked.end, WalkEnd::complete);
}

TEST(UnwindWalker, FramePointerThatCannotBeOneIsNotFollowed) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0)));
  space.words = {{kStack + 16, 1}, {kStack + 24, 0x1234}, {kStack - 16, 1}, {kStack - 8, kOuter}};
  for (const std::uint64_t rbp :
       {kStack + 16, kStack + 17, kStack - 16, kStack + (9U << 20), std::uint64_t{0}}) {
    EXPECT_EQ(walk_from({kBias + 0x5000, kStack, rbp}, space).end, WalkEnd::no_cfi);
    EXPECT_EQ(walk_from({0x1234, kStack, rbp}, space).end, WalkEnd::no_module);
  }
}

TEST(UnwindWalker, ReturnAddressMadeUpByHandIsTheBottom) {
  MadeUpSpace space({{0x1000, LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0)},
                     {0x1080, LG_RULE_NONE},
                     {0x1090, LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0)},
                     {0x1100, LG_RULE_NONE}});
  space.words = {{kStack, kOuter}, {kStack + 8, kInner}};
  const Walked walked = walk_from({kInner, kStack, 0}, space);
  EXPECT_EQ(walked.frames, (Frames{kInner, kOuter}));
  EXPECT_EQ(walked.end, WalkEnd::complete);
}

TEST(UnwindWalker, EndsAreTold) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0)));
  EXPECT_EQ(walk_from({kInner, kStack, 0}, space).end, WalkEnd::bad_memory);
  EXPECT_EQ(walk_from({kInner, kStack + 4, 0}, space).end, WalkEnd::bad_frame);
  MadeUpSpace below(rows_with(LG_RULE_MAKE(LG_RULE_RBP, 16, 0, 0)));
  EXPECT_EQ(walk_from({kInner, kStack, kStack - 16}, below).end, WalkEnd::bad_frame);
  EXPECT_EQ(walk_from({kInner, kStack, kStack - 8}, below).end, WalkEnd::bad_memory);
  EXPECT_EQ(walk_from({kInner, kStack, ~std::uint64_t{0} - 7}, below).end, WalkEnd::bad_frame);
}

TEST(UnwindWalker, StackDeeperThanTheLimitIsCutThere) {
  MadeUpSpace space(rows_with(LG_RULE_MAKE(LG_RULE_RSP, 8, 0, 0)));
  for (std::uint64_t i = 0; i < 300; ++i)
    space.words[kStack + i * 8] = kInner;
  const Walked walked = walk_from({kInner, kStack, 0}, space);
  EXPECT_EQ(walked.frames.size(), std::size_t{LG_MAX_FRAMES});
  EXPECT_EQ(walked.end, WalkEnd::depth);
  space.words[kStack + (LG_MAX_FRAMES - 2) * 8] = kOuter;
  EXPECT_EQ(walk_from({kInner, kStack, 0}, space).end, WalkEnd::complete);
}

}  // namespace

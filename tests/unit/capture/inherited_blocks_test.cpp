// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/inherited_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <tuple>

namespace leakgate::capture {
namespace {

using model::HeldBlock;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kMs = 1'000'000, kStartNs = 7 * kMs;

HeldBlock block(std::uint64_t address, std::uint64_t bytes, std::uint32_t time_ms = 0) {
  HeldBlock row;
  row.address = address;
  row.size_bytes = bytes;
  row.time_ms = time_ms;
  return row;
}

/// What each process has, and what it has freed.
struct Books {
  std::map<std::uint32_t, std::vector<HeldBlock>> live;
  std::map<std::uint32_t, std::vector<FamilyLedger::Left>> left;
  std::map<std::uint32_t, std::vector<FamilyLedger::Gone>> gone;
};

class Ledger final : public FamilyLedger {
 public:
  explicit Ledger(Books& books) : books_(books) {}
  std::vector<HeldBlock> blocks_of(std::uint32_t process) override { return books_.live[process]; }
  Freed freed_by(std::uint32_t process) override { return {books_.left[process], books_.gone[process]}; }
  void forget(std::uint32_t process, const std::set<std::uint32_t>& children) override {
    std::erase_if(books_.left[process], [&](const Left& each) { return children.contains(each.child); });
  }

 private:
  Books& books_;
};

class Inherited : public ::testing::Test {
 protected:
  /// Forked `ms` after the start.
  void fork(std::uint32_t parent, std::uint32_t child, std::uint64_t ms) {
    inherited_.fork(parent, child, kStartNs + ms * kMs);
  }
  /// The process and its blocks are gone.
  void end(std::uint32_t process) {
    inherited_.end(process);
    ledger_.erase(process);
    books_.gone.erase(process);
  }
  /// The process frees one of its own, and `child` is the last that it has forked.
  void leave(std::uint32_t process, std::uint64_t address, std::uint32_t child) {
    auto& blocks = ledger_[process];
    const auto gone = std::find_if(blocks.begin(), blocks.end(),
                                   [&](const HeldBlock& each) { return each.address == address; });
    ASSERT_NE(gone, blocks.end());
    books_.left[process].push_back({child, *gone});
    blocks.erase(gone);
  }
  /// Address, bytes and whether it is inherited, of all that is looked at.
  std::vector<std::tuple<std::uint64_t, std::uint64_t, bool>> seen_in(std::uint32_t process) {
    std::vector<HeldBlock> blocks = ledger_[process];
    inherited_.add_to(process, blocks);
    std::vector<std::tuple<std::uint64_t, std::uint64_t, bool>> rows;
    for (const HeldBlock& each : blocks)
      rows.emplace_back(each.address, each.size_bytes, each.inherited != 0);
    return rows;
  }
  static std::tuple<std::uint64_t, std::uint64_t, bool> own(std::uint64_t address, std::uint64_t bytes) {
    return {address, bytes, false};
  }
  static std::tuple<std::uint64_t, std::uint64_t, bool> of_parent(std::uint64_t address,
                                                                  std::uint64_t bytes) {
    return {address, bytes, true};
  }

  Books books_;
  std::map<std::uint32_t, std::vector<HeldBlock>>& ledger_ = books_.live;
  InheritedBlocks inherited_{std::make_unique<Ledger>(books_), kStartNs};
};

TEST_F(Inherited, AProcessThatWasNotForkedHasItsOwnAlone) {
  ledger_[0] = {block(0x1000, 16)};
  ledger_[1] = {block(0x2000, 32)};
  EXPECT_THAT(seen_in(1), ElementsAre(own(0x2000, 32)));
}

TEST_F(Inherited, AChildHasWhatItsParentHadAtTheFork) {
  ledger_[0] = {block(0x1000, 16, 5), block(0x3000, 24, 10), block(0x5000, 48, 21)};
  ledger_[1] = {block(0x2000, 32, 12)};
  fork(0, 1, 10);
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16), own(0x2000, 32), of_parent(0x3000, 24)));
  EXPECT_THAT(seen_in(0), ElementsAre(own(0x1000, 16), own(0x3000, 24), own(0x5000, 48)));
}

/// Blocks' times are those of timer ticks, the fork's is not.
TEST_F(Inherited, ABlockOfTheTickOfTheForkIsInherited) {
  ledger_[0] = {block(0x1000, 16, 14), block(0x3000, 24, 20)};
  fork(0, 1, 10);
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16), of_parent(0x3000, 24)));
}

TEST_F(Inherited, WhereABlockOfItsOwnStandsTheInheritedOneIsGone) {
  ledger_[0] = {block(0x1000, 16), block(0x2000, 64), block(0x3010, 32), block(0x4000, 256)};
  ledger_[1] = {block(0x1000, 100), block(0x3000, 64), block(0x4080, 16)};
  fork(0, 1, 10);
  EXPECT_THAT(seen_in(1), ElementsAre(own(0x1000, 100), of_parent(0x2000, 64), own(0x3000, 64),
                                      of_parent(0x4000, 256), own(0x4080, 16)));
}

TEST_F(Inherited, AGrandchildHasThoseOfBoth) {
  ledger_[0] = {block(0x1000, 16, 5), block(0x1100, 16, 25)};
  ledger_[1] = {block(0x2000, 32, 12), block(0x2100, 32, 35)};
  fork(0, 1, 10);
  fork(1, 2, 20);
  EXPECT_THAT(seen_in(2), ElementsAre(of_parent(0x1000, 16), of_parent(0x2000, 32)));
}

TEST_F(Inherited, AParentThatHasEndedIsRemembered) {
  ledger_[0] = {block(0x1000, 16, 5)};
  ledger_[1] = {block(0x2000, 32, 12), block(0x2100, 32, 35)};
  fork(0, 1, 10);
  fork(1, 2, 20);
  end(1);
  end(0);
  ledger_[2] = {block(0x3000, 8, 30)};
  EXPECT_THAT(seen_in(2), ElementsAre(of_parent(0x1000, 16), of_parent(0x2000, 32), own(0x3000, 8)));
}

TEST_F(Inherited, AfterExecNothingIsInherited) {
  ledger_[0] = {block(0x1000, 16)};
  fork(0, 1, 10);
  end(1);  // it is another image from now on
  EXPECT_THAT(seen_in(1), IsEmpty());
}

TEST_F(Inherited, WhatTheParentFreesAfterTheForkIsStillThere) {
  ledger_[0] = {block(0x1000, 16, 5), block(0x2000, 24, 5)};
  fork(0, 1, 10);
  leave(0, 0x1000, 1);
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16), of_parent(0x2000, 24)));
  EXPECT_THAT(seen_in(0), ElementsAre(own(0x2000, 24)));
  ledger_[1] = {block(0x1000, 8, 30)};
  EXPECT_THAT(seen_in(1), ElementsAre(own(0x1000, 8), of_parent(0x2000, 24))) << "it has freed its copy, too";
}

TEST_F(Inherited, WhatWasFreedBeforeTheForkIsNotThere) {
  ledger_[0] = {block(0x1000, 16, 5)};
  fork(0, 1, 10);
  leave(0, 0x1000, 1);
  fork(0, 2, 50);
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16)));
  EXPECT_THAT(seen_in(2), IsEmpty());
}

/// A server that frees each connection when it has forked, and gets its place again for the next one.
TEST_F(Inherited, OfSeveralInOnePlaceEachChildHasItsOwn) {
  for (const std::uint32_t child : {1u, 2u, 3u}) {
    ledger_[0] = {block(0x1000, 16 * child, 100 * child)};
    fork(0, child, 100 * child + 20);
    leave(0, 0x1000, child);
  }
  ledger_[0] = {block(0x1008, 100, 321)};  // in the tick of the last fork, and after it
  for (const std::uint32_t child : {1u, 2u, 3u})
    EXPECT_THAT(seen_in(child), ElementsAre(of_parent(0x1000, 16 * child))) << child;
}

TEST_F(Inherited, WhatALaterForkFindsAndTheParentThenFreesAllBeforeHaveHad) {
  ledger_[0] = {block(0x1000, 16, 5), block(0x2000, 24, 40)};
  fork(0, 1, 10);
  fork(0, 2, 60);
  leave(0, 0x1000, 2);
  leave(0, 0x2000, 2);
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16))) << "the other one came later";
  EXPECT_THAT(seen_in(2), ElementsAre(of_parent(0x1000, 16), of_parent(0x2000, 24)));
}

TEST_F(Inherited, WhatAParentHadFreedBeforeItEndedIsRemembered) {
  ledger_[0] = {block(0x1000, 16, 5)};
  fork(0, 1, 10);
  leave(0, 0x1000, 1);
  end(0);
  books_.left.clear();
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16)));
}

/// A fork that failed took a number all the same.
TEST_F(Inherited, WhatIsLeftToAChildThatNeverCameThoseBeforeHaveHad) {
  ledger_[0] = {block(0x1000, 16, 5)};
  fork(0, 1, 10);
  leave(0, 0x1000, 2);
  fork(0, 3, 60);
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16)));
  EXPECT_THAT(seen_in(3), IsEmpty());
}

TEST_F(Inherited, WhatTheChildItselfHasFreedIsGone) {
  ledger_[0] = {block(0x1000, 16, 5), block(0x2000, 24, 5)};
  fork(0, 1, 10);
  books_.gone[1] = {{0x2000, 50}};
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16)));
}

TEST_F(Inherited, WhatAParentHasFreedOfItsInheritanceIsGoneForLaterChildrenAlone) {
  ledger_[0] = {block(0x1000, 16, 5)};
  fork(0, 1, 10);
  fork(1, 2, 100);
  books_.gone[1] = {{0x1000, 200}};
  fork(1, 3, 300);
  for (const bool ended : {false, true}) {
    if (ended) end(1);
    EXPECT_THAT(seen_in(2), ElementsAre(of_parent(0x1000, 16))) << ended;
    EXPECT_THAT(seen_in(3), IsEmpty()) << ended;
  }
}

TEST_F(Inherited, WhatWasLeftIsForgottenWithTheLastChild) {
  ledger_[0] = {block(0x1000, 16, 5)};
  fork(0, 1, 10);
  fork(0, 2, 20);
  leave(0, 0x1000, 2);
  end(2);
  EXPECT_THAT(seen_in(1), ElementsAre(of_parent(0x1000, 16)));
  EXPECT_EQ(books_.left[0].size(), 1u);
  end(1);
  EXPECT_TRUE(books_.left[0].empty());
}

TEST_F(Inherited, BlocksAreAskedForAsLongAsAnyChildLives) {
  ledger_[0] = {block(0x1000, 16, 5)};
  fork(0, 1, 10);
  fork(0, 2, 20);
  end(0);
  end(1);
  EXPECT_THAT(seen_in(2), ElementsAre(of_parent(0x1000, 16)));
  end(2);
  EXPECT_THAT(seen_in(2), IsEmpty());
}

}  // namespace
}  // namespace leakgate::capture

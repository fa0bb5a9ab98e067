// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/inherited_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

  std::map<std::uint32_t, std::vector<HeldBlock>> ledger_;
  InheritedBlocks inherited_{[this](std::uint32_t process, const auto& take) {
                               for (const HeldBlock& each : ledger_[process])
                                 take(each);
                             },
                             kStartNs};
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

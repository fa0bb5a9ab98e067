// SPDX-License-Identifier: Apache-2.0
// What forked processes and their parents have of each other's blocks.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::UnorderedElementsAreArray;

class Family : public Live {};

/// What the parent has freed since still holds in the child; what the child itself has freed does not.
TEST_F(Family, AChildHasWhatItsParentFreedSinceTheFork) {
  const Traced traced = trace_program(scratch_, "live_fork_serves");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
  const auto lost = [](std::uint64_t bytes) {
    return row(1, "(outside tests)", "fork_serves.c", "malloc(" + std::to_string(bytes) + ")", 1, bytes);
  };
  std::vector<std::string> rows(4, lost(41));
  rows.push_back(lost(60));
  EXPECT_THAT(leak_rows(traced, "fail"), UnorderedElementsAreArray(rows));
}

/// Both were in the ledger under one name, and the second overwrote the first.
TEST_F(Family, AChildHasTheFirstOfTwoThatItsParentFreedInOnePlace) {
  const Traced traced = trace_program(scratch_, "live_fork_same_place");
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_THAT(leak_rows(traced, "fail"), testing::IsEmpty());
}

TEST_F(Family, AChildHasWhatItsParentReallocatesMeanwhile) {
  const Traced traced = trace_program(scratch_, "live_fork_and_realloc");
  expect_whole(traced);
  EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
  const std::vector<std::string> rows(2,
                                      row(1, "(outside tests)", "fork_and_realloc.c", "malloc(41)", 1, 41));
  EXPECT_THAT(leak_rows(traced, "fail"), UnorderedElementsAreArray(rows));
}

/// What is freed then was left to the place of that fork, which was a later child's, or nobody's.
TEST_F(Family, AForkThatFailsChangesNothingForTheOthers) {
  const Traced traced = trace_program(scratch_, "live_fork_fails");
  expect_whole(traced);
  EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
  const std::vector<std::string> rows(4, row(1, "(outside tests)", "fork_fails.c", "malloc(41)", 1, 41));
  EXPECT_THAT(leak_rows(traced, "fail"), UnorderedElementsAreArray(rows));
}

TEST_F(Family, AChildThatNoHandlersAreCalledForIsLeftWhatItHad) {
  const Traced traced = trace_program(scratch_, "live_fork_bare");
  expect_whole(traced);
  EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
  const std::vector<std::string> rows(2, row(1, "(outside tests)", "fork_bare.c", "malloc(41)", 1, 41));
  EXPECT_THAT(leak_rows(traced, "fail"), UnorderedElementsAreArray(rows));
}

}  // namespace
}  // namespace leakgate::live

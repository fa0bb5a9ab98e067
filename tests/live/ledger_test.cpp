// SPDX-License-Identifier: Apache-2.0
// A program that writes over the ledger which the preload backend shares with it: leakgate comes to an end,
// writes its result, and what no longer adds up is no pass. And the blocks that the library gives out itself.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::Contains;
using Json = nlohmann::json;

std::vector<std::string> causes_of(const Traced& traced) {
  std::vector<std::string> causes;
  for (const Json& reason : traced.result["run"]["incomplete_reasons"])
    causes.push_back(reason["cause"]);
  return causes;
}

using PartAndPattern = std::tuple<const char*, const char*>;

class Scribbled : public testing::TestWithParam<PartAndPattern> {
 protected:
  Traced run() {
    const auto [part, pattern] = GetParam();
    return trace(scratch_, {.command = {program_path("live_scribbles"), part, pattern},
                            .options = {"--backend", "preload"}});
  }
  Scratch scratch_;
};

std::string name_of(const testing::TestParamInfo<PartAndPattern>& info) {
  return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
}

constexpr const char* kPatterns[] = {"zeros", "ones", "letters", "1", "2", "3"};

TEST_P(Scribbled, LedgerIsSaidToBeDamagedAndIsNoPass) {
  const Traced traced = run();
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.signal, 0) << "leakgate itself must not die";
  EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
  EXPECT_EQ(traced.result["summary"]["verdict"], "incomplete");
  EXPECT_THAT(causes_of(traced), Contains("ledger_damaged"));
}
INSTANTIATE_TEST_SUITE_P(Parts, Scribbled,
                         testing::Combine(testing::Values("header", "processes", "threads", "frames",
                                                          "stacks", "live"),
                                          testing::ValuesIn(kPatterns)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Forged, Scribbled,
                         testing::Combine(testing::Values("record"),
                                          testing::Values("short", "child", "type")),
                         name_of);

/// It is searched for pointers.
TEST(InHand, MemoryThatIsNotThereIsNotSearched) {
  const Scratch scratch;
  for (const char* const bytes : {"0xffffffffffffffff", "0x400000000000"}) {
    SCOPED_TRACE(bytes);
    const Traced traced = trace(scratch, {.command = {program_path("live_scribbles"), "hand", bytes},
                                          .options = {"--backend", "preload"},
                                          .process = {.time_limit = std::chrono::seconds(20)}});
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    const bool possible = std::string(bytes).size() < 18;  // as an address and a size go
    EXPECT_EQ(traced.result["run"]["complete"], possible) << traced.program.err;
    EXPECT_EQ(traced.program.status(), possible ? 23 : 125) << traced.program.err;
    EXPECT_EQ(traced.result["summary"]["leaked_blocks"], 300);
  }
}

TEST(EarlyBlocks, AreReallocatedAsOthersAre) {
  const Scratch scratch;
  const Traced traced =
      trace(scratch, {.command = {program_path("live_early_blocks")}, .options = {"--backend", "preload"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["exit"], (Json{{"code", 0}})) << "the check that failed";
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
}

/// What was written there has been read, or is the library's own affair: the end is still told, and the
/// leaks are still found.
using ScribbledAfterUse = Scribbled;

TEST_P(ScribbledAfterUse, EndsWithTheLeaksOrIsNoPass) {
  const Traced traced = run();
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.signal, 0) << "leakgate itself must not die";
  const bool complete = traced.result["run"]["complete"];
  const int signal = traced.result["run"]["exit"].value("signal", 0);  // the library stumbled over it
  EXPECT_EQ(traced.program.status(), signal ? 128 + signal : complete ? 23 : 125) << traced.program.err;
  if (complete && !signal) {
    EXPECT_EQ(traced.result["summary"]["leaked_blocks"], 300);
  }
}
INSTANTIATE_TEST_SUITE_P(Parts, ScribbledAfterUse,
                         testing::Combine(testing::Values("ring", "region"), testing::ValuesIn(kPatterns)),
                         name_of);

}  // namespace
}  // namespace leakgate::live

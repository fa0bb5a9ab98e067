// SPDX-License-Identifier: Apache-2.0
// The ways a process ends: by itself past every exit handler, by a signal of its own or of the user's, at the
// time limit. The ledger is whole in all of them, and the target's own failure is passed through.
#include <gmock/gmock.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

[[maybe_unused]] const bool kTraces = trace_unclassified();

using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Json = nlohmann::json;

class Ending : public Live {
 protected:
  Traced run(std::string_view name, int status) {
    Traced traced = trace_program(scratch_, name);
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), status) << traced.program.err;
    EXPECT_EQ(traced.program.signal, 0) << "leakgate itself must not die";
    return traced;
  }
  /// A program that dies: its block is known and listed, but not held against it.
  void expect_death(std::string_view name, std::string_view file, int signal, std::uint64_t bytes) {
    const Traced traced = run(name, 128 + signal);
    EXPECT_EQ(traced.result["run"]["exit"], (Json{{"signal", signal}}));
    EXPECT_THAT(leak_rows(traced, "fail"), IsEmpty());
    EXPECT_THAT(leak_rows(traced, "allowed"), UnorderedElementsAre(row(0, name, file, "malloc(", 1, bytes)));
    EXPECT_THAT(test_outcomes(traced), UnorderedElementsAre(std::string(name) + " crashed allowed"));
  }
};

TEST_F(Ending, UnderscoreExitSkipsNothingOfOurs) {
  const Traced traced = run("live_exit_direct", 7);
  EXPECT_THAT(leak_rows(traced),
              UnorderedElementsAre(row(0, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160)));
  EXPECT_EQ(traced.result["run"]["exit"], (Json{{"code", 7}}));
  EXPECT_EQ(traced.result["summary"]["verdict"], "fail");
}

TEST_F(Ending, ExitGroupPastTheCLibraryIsSeen) {
  EXPECT_THAT(
      leak_rows(run("live_exit_group_syscall", 8)),
      UnorderedElementsAre(row(0, "live_exit_group_syscall", "exit_group_syscall.c", "malloc(170)", 1, 170)));
}

TEST_F(Ending, Abort) {
  expect_death("live_aborts", "aborts.c", SIGABRT, 180);
}

TEST_F(Ending, SegmentationFault) {
  expect_death("live_segfaults", "segfaults.c", SIGSEGV, 181);
}

TEST_F(Ending, SigkillOfItsOwn) {
  expect_death("live_killed", "killed.c", SIGKILL, 182);
}

/// How a child ended that its parent reaped at once is the kernel's to tell; before 6.15 it does not, where
/// no probe saw the end.
bool tells_ends_of_reaped(const Json& tracer) {
  int major = 0, minor = 0;
  std::sscanf(tracer["kernel"].get<std::string>().c_str(), "%d.%d", &major, &minor);
  return tracer["backend"] == "ebpf" || std::pair(major, minor) >= std::pair(6, 15);
}

TEST_F(Ending, ChildrenThatAreKilledAndReapedAtOnceAreKnownToBeKilled) {
  const Traced traced = trace_program(scratch_, "live_killed_children");
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["processes"].size(), 51u);
  EXPECT_THAT(leak_rows(traced, "allowed"),
              testing::Each(row(1, "(outside tests)", "killed_children.c", "malloc(24)", 1, 24)));
  EXPECT_THAT(leak_rows(traced, "allowed"), testing::SizeIs(50));
  EXPECT_THAT(leak_rows(traced, "fail"), IsEmpty());
  if (tells_ends_of_reaped(traced.result["tracer"])) {
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  } else {
    for (const Json& reason : traced.result["run"]["incomplete_reasons"])
      EXPECT_EQ(reason["cause"], "end_unseen");
  }
}

// Each dying process is looked at, but as many as there are processors must not keep leakgate from all of
// them.
TEST_F(Ending, ChildrenThatAreKilledTogetherAreGoneAtOnce) {
  const Traced traced = trace(scratch_, {.command = {program_path("live_killed_together")},
                                         .options = {"--judged-moments", "tests"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_EQ(traced.result["processes"].size(), 41u);
  double seconds = 0;
  ASSERT_EQ(std::sscanf(traced.program.out.c_str(), "%lf", &seconds), 1) << traced.program.out;
  EXPECT_LT(seconds, 1.5);
  EXPECT_THAT(traced.result["tracer"]["notes"], testing::SizeIs(testing::Le(2))) << "not one for each";
}

// A process that dies while it is held must not stay with leakgate, whose tracee it was: its parent waits.
TEST_F(Ending, WhoKillsAProcessThatIsEndingHearsOfItsEnd) {
  const Traced traced = trace(scratch_, {.command = {program_path("live_kills_helpers")},
                                         .options = {"--judged-moments", "tests"},
                                         .process = {.time_limit = std::chrono::seconds(60)}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_EQ(traced.result["processes"].size(), 61U);
}

// Whoever is killed before it has loaded its libraries has recorded nothing, and had nothing to record.
TEST_F(Ending, ProgramsThatAreKilledAsTheyStartLeaveTheRunWhole) {
  const Traced traced = trace(scratch_, {.command = {program_path("live_kills_starting")}});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  for (const Json& process : traced.result["processes"])
    EXPECT_THAT(process["exe"], testing::EndsWith("live_kills_starting")) << process.dump(1);
}

TEST_F(Ending, FiguresOfAProgramWithoutFrameworkCoverItsWholeLife) {
  const Json test = test_row(run("live_exit_direct", 7), "live_exit_direct");
  EXPECT_EQ(test["allocations"], 1);
  EXPECT_EQ(test["allocated_bytes"], 160);
  EXPECT_EQ(test["peak_bytes"], 160);
}

/// Starts a program that leaks and then sleeps for ever, and sends leakgate a signal once it sleeps.
class Interrupted : public Ending, public testing::WithParamInterface<int> {};

TEST_P(Interrupted, SignalIsForwardedAndTheReportStillWritten) {
  const TraceRequest request{.command = {program_path("live_sleeps")}};
  const auto json = scratch_ / "interrupted.json";
  Program leakgate(scratch_, {.argv = leakgate_arguments(request, json)});
  ASSERT_TRUE(wait_until(std::chrono::seconds(60), [&] { return !leakgate.output().empty(); }));
  kill(leakgate.pid(), GetParam());
  Traced traced{leakgate.wait(), Json::parse(read_file(json), nullptr, false)};
  EXPECT_EQ(traced.program.status(), 128 + GetParam()) << traced.program.err;
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["exit"], (Json{{"signal", GetParam()}}));
  EXPECT_THAT(leak_rows(traced, "allowed"),
              UnorderedElementsAre(row(0, "live_sleeps", "sleeps.c", "malloc(310)", 1, 310)));
}

INSTANTIATE_TEST_SUITE_P(Signals, Interrupted, testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& number) { return std::string("SIG") + sigabbrev_np(number.param); });

TEST_F(Ending, TimeLimitEndsTheCommandAndTheRunIsIncomplete) {
  const Traced traced = trace_program(scratch_, "live_sleeps", {}, {"--timeout", "2"});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["complete"], false);
  EXPECT_EQ(traced.result["run"]["incomplete_reasons"][0]["cause"], "target_timeout");
  EXPECT_THAT(traced.program.err, testing::HasSubstr("--timeout"));
}

}  // namespace
}  // namespace leakgate::live

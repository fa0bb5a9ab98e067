// SPDX-License-Identifier: Apache-2.0
// Tables made too small on purpose: the run is incomplete, never a pass, and every report names the cause and
// the option that would have avoided it.
#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Loss : public Live {
 protected:
  /// Stops leakgate, lets the program go on `before` later, and leakgate `after` that.
  [[nodiscard]] Traced trace_stopped(const char* program, std::chrono::milliseconds before,
                                     std::chrono::milliseconds after) const {
    const auto json = scratch_ / "result.json";
    const TraceRequest request{.command = {program_path(program), scratch_ / "go"}};
    Program leakgate(scratch_, {.argv = leakgate_arguments(request, json)});
    EXPECT_TRUE(wait_until(std::chrono::seconds(60), [&] { return leakgate.output() == "ready\n"; }));
    kill(leakgate.pid(), SIGSTOP);
    std::this_thread::sleep_for(before);
    write_file(scratch_ / "go", "");
    std::this_thread::sleep_for(after);
    kill(leakgate.pid(), SIGCONT);
    return {leakgate.wait(), Json::parse(read_file(json), nullptr, false)};
  }

  static void expect_incomplete(const Traced& traced, std::string_view cause, const std::string& option) {
    EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_EQ(traced.result["run"]["complete"], false);
    EXPECT_EQ(traced.result["summary"]["verdict"], "incomplete");
    EXPECT_GT(traced.result["tracer"]["lost"][std::string(cause)], 0);
    bool named = false;
    for (const Json& reason : traced.result["run"]["incomplete_reasons"]) {
      if (reason["cause"] != cause) continue;
      named = true;
      EXPECT_EQ(reason["count"], traced.result["tracer"]["lost"][std::string(cause)]);
      if (!option.empty()) {
        EXPECT_THAT(reason["hint"].get<std::string>(), HasSubstr(option));
      }
    }
    EXPECT_TRUE(named) << traced.result["run"].dump(1);
    EXPECT_THAT(traced.program.err, HasSubstr(option));
    EXPECT_THAT(traced.program.err, HasSubstr("leakgate: incomplete"));
    EXPECT_THAT(traced.program.err, testing::Not(HasSubstr("leakgate: pass")));
  }
};

TEST_F(Loss, MoreLiveBlocksThanRoom) {
  const std::vector<std::string> arguments = {"--ops", "20000", "--out", scratch_ / "record"};
  expect_incomplete(trace_program(scratch_, "live_random_alloc", arguments, {"--max-live-blocks", "1000"}),
                    "live_table_full", "--max-live-blocks");
  const Traced roomy =
      trace_program(scratch_, "live_random_alloc", arguments, {"--max-live-blocks", "100000"});
  expect_whole(roomy);
}

TEST_F(Loss, MoreStacksThanRoom) {
  const auto junit = scratch_ / "report.xml";
  const auto sarif = scratch_ / "report.sarif";
  expect_incomplete(trace_program(scratch_, "live_many_stacks", {},
                                  {"--max-stacks", "2048", "--junit", junit, "--sarif", sarif}),
                    "stack_table_full", "--max-stacks");
  for (const auto& report : {junit, sarif})
    EXPECT_THAT(read_file(report), HasSubstr("--max-stacks")) << report;
  const Traced roomy = trace_program(scratch_, "live_many_stacks");
  expect_whole(roomy);
  EXPECT_EQ(roomy.program.status(), 0) << roomy.program.err;
  EXPECT_EQ(roomy.result["tracer"]["allocations"], 8192);
}

TEST_F(Loss, MoreThreadsThanRoom) {
  expect_incomplete(trace_program(scratch_, "live_threads_64", {}, {"--max-threads", "8"}),
                    "thread_table_full", "--max-threads");
  expect_whole(trace_program(scratch_, "live_threads_64", {}, {"--max-threads", "70"}));
}

/// The limit is the number that was given, not one that suits the tables.
TEST_F(Loss, TheLimitOfStacksIsExact) {
  const Traced traced = trace_program(scratch_, "live_many_stacks", {}, {"--max-stacks", "3000"});
  expect_incomplete(traced, "stack_table_full", "--max-stacks");
  EXPECT_EQ(traced.result["tracer"]["lost"]["stack_table_full"], 8192 - 3000);
}

TEST_F(Loss, MoreProcessesThanRoom) {
  expect_incomplete(trace_program(scratch_, "live_many_children", {}, {"--max-processes", "4"}),
                    "process_table_full", "--max-processes");
}

/// Those without room say nothing of themselves, which is no reason to take them for static ones.
TEST_F(Loss, MoreProgramsThanRoom) {
  const std::vector<std::string> command = {"/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8; do /bin/true; done"};
  const Traced full = trace(scratch_, {.command = command, .options = {"--max-processes", "4"}});
  expect_incomplete(full, "process_table_full", "--max-processes");
  EXPECT_EQ(full.result["run"]["incomplete_reasons"].size(), 1u) << full.result["run"].dump(1);
  expect_whole(trace(scratch_, {.command = command}));
}

/// Nobody empties the ring buffer while leakgate is stopped; the command must not be held up by that.
TEST_F(Loss, MoreRecordsThanTheRingHolds) {
  const auto json = scratch_ / "result.json";
  const TraceRequest request{
      .command = {program_path("live_sleeps_then_forks"), scratch_ / "go", scratch_ / "done"},
      .options = {"--ring-bytes", "4096"}};
  Program leakgate(scratch_, {.argv = leakgate_arguments(request, json)});
  ASSERT_TRUE(wait_until(std::chrono::seconds(60), [&] { return leakgate.output() == "ready\n"; }));
  kill(leakgate.pid(), SIGSTOP);
  write_file(scratch_ / "go", "");
  EXPECT_TRUE(
      wait_until(std::chrono::seconds(60), [&] { return std::filesystem::exists(scratch_ / "done"); }));
  kill(leakgate.pid(), SIGCONT);
  Traced traced{leakgate.wait(), Json::parse(read_file(json), nullptr, false)};
  expect_incomplete(traced, "ring_full", "--ring-bytes");
}

/// On a busy machine leakgate may get no processor while tables fill: the command waits for it, and nothing
/// is lost. Stopped, it says nothing for longer than that, but not so long that it counts as gone.
TEST_F(Loss, TablesThatGrowLateLoseNothing) {
  const Traced traced = trace_stopped("live_grows_on_go", {}, std::chrono::milliseconds(700));
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_EQ(traced.result["tracer"]["allocations"], 160001);
}

/// A job that was stopped for longer than leakgate may be silent goes on: its command may be the first of the
/// two to run, and must not take leakgate for gone.
TEST_F(Loss, AStoppedJobThatGoesOnEndsAsEver) {
  const Traced traced =
      trace_stopped("live_ends_on_go", std::chrono::milliseconds(2500), std::chrono::milliseconds(100));
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  std::vector<std::string> kinds;
  for (const Json& leak : traced.result["leaks"])
    kinds.push_back(leak["kind"].get<std::string>());
  EXPECT_THAT(kinds, testing::UnorderedElementsAre("definitely_lost", "still_reachable"));
}

TEST_F(Loss, AStoppedJobThatGoesOnHasRoomAsEver) {
  const Traced traced =
      trace_stopped("live_grows_on_go", std::chrono::milliseconds(2500), std::chrono::milliseconds(100));
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_EQ(traced.result["tracer"]["allocations"], 160001);
}

/// A command waits for two seconds at its end, and no longer. What it held by then nobody knows.
TEST_F(Loss, ACommandThatEndsWhileLeakgateIsStopped) {
  expect_incomplete(trace_stopped("live_ends_on_go", {}, std::chrono::milliseconds(5000)), "end_unseen",
                    "--backend");
}

TEST_F(Loss, MoreOpenCallsOnDifferentStacksThanAreTracked) {
  const Traced shallow = trace_program(scratch_, "live_nested_stacks", {"3"});
  EXPECT_EQ(shallow.result["run"]["complete"], true);
  EXPECT_EQ(shallow.result["tracer"]["allocations"], 4);
  expect_incomplete(trace_program(scratch_, "live_nested_stacks", {"8"}), "nested_too_deep", "");
}

TEST_F(Loss, MoreMappingsThanRoom) {
  expect_incomplete(trace_program(scratch_, "live_many_mappings", {"5000"}), "mapping_table_full", "fewer");
  expect_whole(trace_program(scratch_, "live_many_mappings", {"2000"}));
}

TEST_F(Loss, MoreScopesThanAreToldApart) {
  expect_incomplete(trace_program(scratch_, "live_asks", {"deep", "17"}), "scopes_too_deep", "nest fewer");
  expect_whole(trace_program(scratch_, "live_asks", {"deep", "16"}));
}

TEST_F(Loss, AnAllocationFunctionThatCannotBeProbed) {
  expect_incomplete(trace_program(scratch_, "live_chosen_function"), "probe_refused", "doctor --probes");
}

TEST_F(Loss, AResultThatCannotBeRead) {
  expect_incomplete(trace_program(scratch_, "live_unreadable_result"), "result_unreadable", "");
}

/// What was lost could have failed the gate: no threshold makes an incomplete run pass.
TEST_F(Loss, IncompleteWinsOverTheGate) {
  const Traced traced = trace_program(scratch_, "live_many_stacks", {},
                                      {"--max-stacks", "2048", "--max-leaked-bytes", "1000000"});
  EXPECT_EQ(traced.program.status(), 125);
}

/// A target that fails by itself wins over both.
TEST_F(Loss, TheTargetsOwnStatusWinsOverIncomplete) {
  const Traced traced = trace_program(scratch_, "live_many_stacks", {"3"}, {"--max-stacks", "2048"});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["summary"]["verdict"], "incomplete");
  EXPECT_EQ(traced.program.status(), 3);
}

}  // namespace
}  // namespace leakgate::live

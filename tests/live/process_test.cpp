// SPDX-License-Identifier: Apache-2.0
// Children: forked, executed, spawned, thousands of them, and one that outlives the command. Each process has
// its own leaks, under its own pid.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

[[maybe_unused]] const bool kTraces = trace_unclassified();

using testing::UnorderedElementsAre;

/// What a forked child allocates belongs to no test of its parent's.
constexpr std::string_view kOutside = "(outside tests)";

class Process : public Live {
 protected:
  Traced run(std::string_view name, std::vector<std::string> options = {}) {
    Traced traced = trace_program(scratch_, name, {}, std::move(options));
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
    return traced;
  }
  /// For a program that starts itself again: the command's leak and the leak of what it started.
  void expect_both(std::string_view name, std::string_view file, std::uint64_t parent_bytes,
                   std::uint64_t child_bytes) {
    const auto text = [](std::uint64_t bytes) { return "malloc(" + std::to_string(bytes) + ")"; };
    EXPECT_THAT(leak_rows(run(name)),
                UnorderedElementsAre(row(0, name, file, text(parent_bytes), 1, parent_bytes),
                                     row(1, name, file, text(child_bytes), 1, child_bytes)));
  }
};

TEST_F(Process, ForkedChildOwnsOnlyWhatItAllocated) {
  EXPECT_THAT(leak_rows(run("live_fork_child")),
              UnorderedElementsAre(row(0, "live_fork_child", "fork_child.c", "malloc(90)", 1, 90),
                                   row(0, "live_fork_child", "fork_child.c", "malloc(100)", 1, 100),
                                   row(1, kOutside, "fork_child.c", "malloc(91)", 1, 91)));
}

TEST_F(Process, ExecutedChildIsFollowed) {
  expect_both("live_fork_exec", "fork_exec.c", 110, 111);
}

TEST_F(Process, VforkedChildIsFollowedThroughExec) {
  expect_both("live_vfork_exec", "vfork_exec.c", 110, 111);
}

TEST_F(Process, SpawnedChildIsFollowed) {
  expect_both("live_posix_spawn", "posix_spawn.c", 120, 121);
}

TEST_F(Process, ExecDropsTheOldImagesBlocks) {
  const Traced traced = run("live_exec_in_the_middle");
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAre(row(0, "live_exec_in_the_middle",
                                                          "exec_in_the_middle.c", "malloc(131)", 1, 131)));
}

TEST_F(Process, TwoThousandChildrenAreAllFollowed) {
  const Traced traced = run("live_many_children");
  EXPECT_EQ(traced.result["processes"].size(), 2001u);
  EXPECT_EQ(leak_rows(traced),
            std::vector<std::string>(200, row(1, kOutside, "many_children.c", "malloc(8)", 1, 8)));
  EXPECT_EQ(traced.result["tracer"]["allocations"], 2000);
  EXPECT_EQ(traced.result["tracer"]["frees"], 1800);
}

// leakgate keeps a descriptor for each, within its own limit: the one that a shell gives is the target's.
TEST_F(Process, MoreChildrenLiveAtOnceThanFilesMayBeOpen) {
  const Traced traced = trace(scratch_, {.command = {program_path("live_children_at_once")},
                                         .options = {"--judged-moments", "tests"},
                                         .process = {.before_exec = [] {
                                           const rlimit files{256, 4096};
                                           setrlimit(RLIMIT_NOFILE, &files);
                                         }}});
  expect_whole(traced);
  EXPECT_EQ(traced.result["processes"].size(), 301u);
  EXPECT_EQ(leak_rows(traced),
            std::vector<std::string>(300, row(1, kOutside, "children_at_once.c", "malloc(24)", 1, 24)));
}

// Who waits in a probe takes turns on a processor with all others: minutes of processor time, where each one
// that is looked at has to wait for its turn.
TEST_F(Process, ChildrenThatEndAtOneMomentSleepUntilTheyAreLookedAt) {
  const Traced traced =
      trace_program(scratch_, "live_children_at_once", {"together"}, {"--judged-moments", "exit"});
  expect_whole(traced);
  EXPECT_EQ(leak_rows(traced),
            std::vector<std::string>(300, row(1, kOutside, "children_at_once.c", "malloc(24)", 1, 24)));
  EXPECT_LT(std::stol(traced.program.out), 20) << "seconds";
}

// Threads that would end a process which waits for its turn are kept from it for a time, and sleep then too.
TEST_F(Process, ChildrenThatManyThreadsEndAtOneMomentAreAllClassified) {
  const Traced traced =
      trace_program(scratch_, "live_children_at_once", {"together", "threads"}, {"--judged-moments", "exit"});
  expect_whole(traced);
  EXPECT_EQ(leak_rows(traced),
            std::vector<std::string>(40, row(1, kOutside, "children_at_once.c", "malloc(24)", 1, 24)));
  for (const auto& leak : traced.result["leaks"])
    EXPECT_NE(leak["kind"], "unclassified") << leak.dump(1);
}

TEST_F(Process, DaemonIsWaitedForAndJudged) {
  EXPECT_THAT(leak_rows(run("live_daemonize", {"--wait", "30"})),
              UnorderedElementsAre(row(0, "live_daemonize", "daemonize.c", "malloc(200)", 1, 200),
                                   row(2, kOutside, "daemonize.c", "malloc(201)", 1, 201)));
}

TEST_F(Process, DaemonThatIsNotWaitedForMakesTheRunIncomplete) {
  const auto end_mark = scratch_ / "daemon-ended";
  const Traced traced = trace_program(scratch_, "live_daemonize", {end_mark}, {"--wait", "0"});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 125);
  EXPECT_EQ(traced.result["run"]["complete"], false);
  ASSERT_EQ(traced.result["run"]["incomplete_reasons"].size(), 1u);
  EXPECT_EQ(traced.result["run"]["incomplete_reasons"][0]["cause"], "still_running");
  EXPECT_EQ(traced.result["run"]["incomplete_reasons"][0]["count"], 1);
  EXPECT_EQ(traced.result["summary"]["verdict"], "incomplete");
  // Left alone, it ends as it would have without leakgate.
  EXPECT_TRUE(wait_until(std::chrono::seconds(120), [&] { return std::filesystem::exists(end_mark); }));
}

/// A child that shares its parent's heap works in it until exec; one with a copy has its own.
TEST_F(Process, ChildrenOfARawCloneAreToldApart) {
  EXPECT_THAT(leak_rows(run("live_clone_raw")),
              UnorderedElementsAre(row(0, "live_clone_raw", "clone_raw.c", "malloc(230)", 1, 230),
                                   row(0, "live_clone_raw", "clone_raw.c", "malloc(231)", 1, 231),
                                   row(1, kOutside, "clone_raw.c", "malloc(232)", 1, 232)));
}

class Script : public Process {
 protected:
  Traced run_script(const std::string& text, std::string_view interpreter_line = "#!/bin/bash\n") {
    const auto script = scratch_ / "script";
    write_file(script, std::string(interpreter_line) + text);
    std::filesystem::permissions(script, std::filesystem::perms(0755));
    return trace(scratch_, {.command = {script}});
  }
  /// Without the shell's own memory, which is reported too, as for any program.
  static std::vector<std::string> rows_of_programs(const Traced& traced) {
    auto rows = leak_rows(traced);
    std::erase_if(rows, [](const std::string& row) {
      return row.find(" bash ") != std::string::npos || row.find(" dash ") != std::string::npos;
    });
    return rows;
  }
  /// A stripped shell has no names, so that its stacks cannot be told by their last function.
  static void expect_known_modules(const Traced& traced) {
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_EQ(traced.result["run"]["complete"], true) << traced.result["run"].dump(1);
    for (const auto& leak : traced.result["leaks"])
      for (const auto& frame : leak["stack"])
        EXPECT_TRUE(frame["module"].is_string()) << "a frame of no known module: " << leak.dump(1);
  }
};

TEST_F(Script, ChildrenOfAShellAreFollowed) {
  const std::string program = program_path("live_exit_direct");
  const Traced traced = run_script(program + "\n(" + program + ")\nexit 0\n");
  expect_known_modules(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_EQ(rows_of_programs(traced),
            std::vector<std::string>(2, row(1, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160)));
}

TEST_F(Script, GrandchildrenInPipelinesAreFollowed) {
  const std::string program = program_path("live_exit_direct");
  const Traced traced = run_script("(" + program + " | cat) | (cat; " + program + ") | cat\n$(" + program +
                                   ")\n" + program + " & wait\nexit 0\n");
  expect_known_modules(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  auto rows = rows_of_programs(traced);
  std::erase_if(rows,
                [](const std::string& line) { return line.find("exit_direct.c") == std::string::npos; });
  ASSERT_EQ(rows.size(), 4u);
  const std::string one = row(0, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160).substr(1);
  for (const std::string& line : rows)
    EXPECT_EQ(line.substr(1), one);
}

/// Nothing of these was known before the command ran: neither the binary nor the C++ library.
TEST_F(Script, TestBinariesStartedByAShellAreJudgedFromTheirFirstBlock) {
  const Traced traced =
      run_script(program_path("live_gtest_mixed") + " --gtest_filter=Outcome.PassesClean\n" +
                 program_path("live_threads_64") + "\nexit 0\n");
  expect_known_modules(traced);
  EXPECT_EQ(rows_of_programs(traced),
            std::vector<std::string>(
                1, row(1, "live_threads_64", "threads_64.cpp", "block = std::malloc(32)", 640, 20480)));
  EXPECT_THAT(test_outcomes(traced), testing::Contains("Outcome.PassesClean passed clean"));
}

TEST_F(Script, WithoutInterpreterLineIsKnownFromItsFirstBlock) {
  const Traced traced = run_script("true; exit 5\n", "");
  expect_known_modules(traced);
  EXPECT_EQ(traced.program.status(), 5) << traced.program.err;
}

}  // namespace
}  // namespace leakgate::live

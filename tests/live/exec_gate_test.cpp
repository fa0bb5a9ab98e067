// SPDX-License-Identifier: Apache-2.0
// Programs that the command starts are known before their first instruction, static ones too; and nobody is
// held for long when leakgate is stopped or killed.
#include <gmock/gmock.h>

#include <csignal>
#include <sstream>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::HasSubstr;

class ExecGate : public Live {
 protected:
  static std::string static_child() { return program_path("live_static_child"); }

  std::filesystem::path script(const std::string& text) {
    const auto path = scratch_ / "script";
    write_file(path, "#!/bin/bash\n" + text);
    std::filesystem::permissions(path, std::filesystem::perms(0755));
    return path;
  }

  /// A script that says it is ready, waits for the file "go", then runs `count` static programs and makes
  /// "done".
  std::filesystem::path waiting_script(int count) {
    return script("echo ready\nwhile [ ! -e " + (scratch_ / "go").string() + " ]; do sleep 0.05; done\n" +
                  "for i in $(seq " + std::to_string(count) + "); do " + static_child() +
                  " || exit 9; done\n: >" + (scratch_ / "done").string() + "\n");
  }

  bool done_within(std::chrono::seconds limit) {
    return wait_until(limit, [&] { return std::filesystem::exists(scratch_ / "done"); });
  }
};

/// Ids of the children of `pid` and of theirs.
std::vector<pid_t> children_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  std::istringstream in(read_file(path));
  std::vector<pid_t> children;
  for (pid_t child = 0; in >> child;)
    children.push_back(child);
  return children;
}

std::string name_of(pid_t pid) {
  return read_file("/proc/" + std::to_string(pid) + "/comm");
}

TEST_F(ExecGate, StaticProgramsStartedByOthersAreTracedFromTheirFirstBlock) {
  const Traced traced = trace(scratch_, {.command = {script(static_child() + "\n(" + static_child() + ")\n" +
                                                            program_path("live_exit_direct") + "\nexit 0\n")},
                                         .options = kUnclassified});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["complete"], true) << traced.result["run"].dump(1);
  auto rows = leak_rows(traced);
  std::erase_if(rows, [](const std::string& line) { return line.find(" bash ") != std::string::npos; });
  EXPECT_THAT(rows, testing::UnorderedElementsAre(
                        row(1, "live_static_child", "static_child.c", "malloc(270)", 1, 270),
                        row(1, "live_static_child", "static_child.c", "malloc(270)", 1, 270),
                        row(1, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160)));
}

/// Without a namespace of the target's own there is no gate: what was missed is said.
TEST_F(ExecGate, WithoutIsolationMissedStaticProgramsAreNamed) {
  const Traced traced = trace(
      scratch_, {.command = {script(static_child() + "\nexit 0\n")}, .options = {"--isolation", "off"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 125);
  EXPECT_EQ(traced.result["tracer"]["lost"]["static_late"], 1);
  EXPECT_THAT(traced.result["run"]["incomplete_reasons"].dump(), HasSubstr("leakgate run -- THE_PROGRAM"));
}

TEST_F(ExecGate, AStoppedLeakgateHoldsTheTargetForSecondsOnly) {
  const auto json = scratch_ / "result.json";
  Program leakgate(scratch_, {.argv = leakgate_arguments({.command = {waiting_script(10)}}, json)});
  ASSERT_TRUE(wait_until(std::chrono::seconds(60), [&] { return leakgate.output() == "ready\n"; }));
  kill(leakgate.pid(), SIGSTOP);
  write_file(scratch_ / "go", "");
  EXPECT_TRUE(done_within(std::chrono::seconds(120)));
  kill(leakgate.pid(), SIGCONT);
  const ProgramResult result = leakgate.wait();
  // it saw nothing of ten programs: that is no pass
  EXPECT_EQ(result.status(), 125) << result.err;
}

TEST_F(ExecGate, AKilledLeakgateHoldsNobodyAndLeavesNobody) {
  Program leakgate(scratch_,
                   {.argv = leakgate_arguments({.command = {waiting_script(3)}}, scratch_ / "result.json")});
  ASSERT_TRUE(wait_until(std::chrono::seconds(60), [&] { return leakgate.output() == "ready\n"; }));
  std::vector<pid_t> keepers = children_of(leakgate.pid());
  std::erase_if(keepers, [](pid_t pid) { return name_of(pid) != "leakgate-exec\n"; });
  EXPECT_EQ(keepers.size(), 1u);
  kill(leakgate.pid(), SIGKILL);
  leakgate.wait();
  write_file(scratch_ / "go", "");
  EXPECT_TRUE(done_within(std::chrono::seconds(120)));
  for (const pid_t keeper : keepers)
    EXPECT_TRUE(wait_until(std::chrono::seconds(120), [&] { return name_of(keeper) != "leakgate-exec\n"; }));
}

/// A test framework that got to its tests while nobody could look: the run is incomplete, and says so.
TEST_F(ExecGate, TestsThatRanUnseenMakeTheRunIncomplete) {
  const auto json = scratch_ / "result.json";
  const auto command =
      script("echo ready\nwhile [ ! -e " + (scratch_ / "go").string() + " ]; do sleep 0.05; done\n" +
             program_path("live_gtest_mixed") + " --gtest_filter=Outcome.PassesClean >/dev/null\n: >" +
             (scratch_ / "done").string() + "\nsleep 1\nexit 0\n");
  Program leakgate(scratch_, {.argv = leakgate_arguments({.command = {command}}, json)});
  ASSERT_TRUE(wait_until(std::chrono::seconds(60), [&] { return leakgate.output() == "ready\n"; }));
  kill(leakgate.pid(), SIGSTOP);
  write_file(scratch_ / "go", "");
  EXPECT_TRUE(done_within(std::chrono::seconds(120)));
  kill(leakgate.pid(), SIGCONT);
  const ProgramResult result = leakgate.wait();
  EXPECT_EQ(result.status(), 125) << result.err;
  EXPECT_THAT(result.err, HasSubstr("incomplete"));
}

}  // namespace
}  // namespace leakgate::live

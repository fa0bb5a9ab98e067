// SPDX-License-Identifier: Apache-2.0
// In a container: leakgate, its target and their /proc are in a pid namespace of their own, in which numbers
// are others than the kernel's. What is found is what is found outside of it.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

class Container : public Live {
 protected:
  Traced run_inside(std::vector<std::string> command, std::vector<std::string> options = {}) {
    const auto json = scratch_ / "inside.json";
    std::vector<std::string> argv = {"unshare", "--mount", "--pid", "--fork", "--mount-proc"};
    const auto arguments =
        leakgate_arguments({.command = std::move(command), .options = std::move(options)}, json);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    Traced traced{run_program(scratch_, {.argv = std::move(argv)}), {}};
    traced.result = nlohmann::json::parse(read_file(json), nullptr, false);
    return traced;
  }
};

TEST_F(Container, ChildrenAreFoundUnderTheNumbersOfTheirNamespace) {
  for (const std::vector<std::string>& options : {std::vector<std::string>{}, kUnclassified}) {
    const std::vector<std::string> command = {program_path("live_fork_exec")};
    const Traced outside = trace(scratch_, {.command = command, .options = options});
    const Traced inside = run_inside(command, options);
    expect_whole(inside);
    EXPECT_EQ(inside.program.status(), outside.program.status()) << inside.program.err;
    EXPECT_EQ(leak_rows(inside), leak_rows(outside));
    for (const auto& process : inside.result["processes"])
      EXPECT_LT(process["pid"], 100) << "a number from outside of the namespace";
  }
}

TEST_F(Container, TestsAreJudgedAtTheirEnds) {
  const std::vector<std::string> command = {std::string(LEAKGATE_EXAMPLES) + "/example_gtest_minimal"};
  const Traced inside = run_inside(command);
  expect_whole(inside);
  EXPECT_EQ(inside.program.status(), 23) << inside.program.err;
  EXPECT_EQ(test_outcomes(inside), test_outcomes(trace(scratch_, {.command = command})));
}

// While the target runs, another container starts programs under all the numbers that it may have.
TEST_F(Container, ProgramsOfOtherContainersAreNotTakenForTheTarget) {
  const std::string go = (scratch_ / "go").string();
  const std::string done = (scratch_ / "done").string();
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(done.c_str(), 0600), 0);
  const std::string other = "read line < " + go + "; for i in $(seq 300); do /bin/true; done; echo > " + done;
  Program beside(scratch_, {.argv = {"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                                     "sh", "-c", other}});
  const Traced inside = run_inside({"sh", "-c", "echo > " + go + "; read line < " + done});
  EXPECT_EQ(beside.wait().status(), 0);
  expect_whole(inside);
  EXPECT_EQ(inside.program.status(), 0) << inside.program.err;
  EXPECT_EQ(inside.result["processes"].size(), 1U) << inside.result["processes"].dump(1);
}

// A mount namespace of the program's own, whose dynamic linker and libraries nobody has seen: no probe is
// met.
TEST_F(Container, ProgramsThatNobodyExaminedAreNoPass) {
  const Traced outer = trace(scratch_, {.command = {leakgate_path(), "run", "--no-policy", "--output",
                                                    scratch_ / "inner", "--", program_path("live_clean")}});
  EXPECT_THAT(read_file(scratch_ / "inner"), testing::HasSubstr("leakgate: pass"));
  EXPECT_THAT(outer.result["run"]["incomplete_reasons"].dump(), testing::HasSubstr("not_examined"));
  EXPECT_EQ(outer.program.status(), 125) << outer.program.err;
}

TEST_F(Container, AProgramThatOnlyListsItsLibrariesIsWhole) {
  expect_whole(
      trace(scratch_, {.command = {"env", "LD_TRACE_LOADED_OBJECTS=1", program_path("live_clean")}}));
}

}  // namespace
}  // namespace leakgate::live

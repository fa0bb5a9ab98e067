// SPDX-License-Identifier: Apache-2.0
// The target cannot tell that leakgate is there: what it prints, what it sees of its surroundings, and how it
// ends are compared with the same program started without leakgate.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

class Transparency : public Live {
 protected:
  /// Runs a command natively and traced, with equal surroundings; all of the output must be equal.
  void expect_equal(const std::vector<std::string>& command, ProgramRequest surroundings = {}) {
    const auto report = scratch_ / "report.txt";
    surroundings.argv = command;
    const ProgramResult native = run_program(scratch_, surroundings);
    const Traced traced = trace(scratch_, {command, {"--output", report}, surroundings});
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_FALSE(native.out.empty());
    EXPECT_EQ(traced.program.out, native.out);
    EXPECT_EQ(traced.program.err, native.err);
    // Leaks change the status of a target that succeeded, and of no other.
    const bool leaks = traced.result["summary"]["verdict"] == "fail";
    EXPECT_EQ(traced.program.status(), native.status() == 0 && leaks ? 23 : native.status());
  }
  static std::string environment_program() { return program_path("live_environment"); }
};

TEST_F(Transparency, SurroundingsAreTheCallers) {
  expect_equal(
      {environment_program(), "one", "two words", "", "quote\"d", "\xff\xfe not UTF-8", "--", "--json", "x"},
      {.input = "line one\nline two\n",
       .extra_environment = {"LEAKGATE_TEST_ODD==a=b", "EMPTY=", "LC_ALL=C"},
       .directory = scratch_.path()});
}

TEST_F(Transparency, UnusualSurroundingsAreTheCallersToo) {
  const auto unusual = [] {
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_SETMASK, &blocked, nullptr);
    umask(0027);
    const rlimit files{200, 300};
    setrlimit(RLIMIT_NOFILE, &files);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    const rlimit memlock{65536, 65536};
    setrlimit(RLIMIT_MEMLOCK, &memlock);
    if (dup2(STDOUT_FILENO, 7) < 0 || dup2(STDIN_FILENO, 60) < 0) _exit(125);
  };
  expect_equal({environment_program()}, {.input = "x",
                                         .environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "A=1"},
                                         .before_exec = unusual});
}

/// leakgate ignores the signal of that limit; the target has it as it was.
TEST_F(Transparency, ALimitOfFileSizesIsTheTargets) {
  expect_equal({environment_program()}, {.before_exec = [] {
                 const rlimit limit{1 << 20, RLIM_INFINITY};
                 setrlimit(RLIMIT_FSIZE, &limit);
               }});
}

TEST_F(Transparency, AnEnvironmentThatIsNotThereFailsAsEver) {
  expect_equal({program_path("live_exec_of_bad_memory")});
}

TEST_F(Transparency, StandardInputMayBeClosed) {
  expect_equal({environment_program()}, {.before_exec = [] { close(STDIN_FILENO); }});
}

TEST_F(Transparency, ClosedDescriptorsStayClosedAndFullOnesHurtNobody) {
  const auto traced = [&](const std::string& script, std::function<void()> before_exec,
                          const std::string& rule = "all") {
    return run_program(scratch_, {.argv = {leakgate_path(), "run", "--no-policy", "--exit-status", rule, "--",
                                           "/bin/sh", "-c", script},
                                  .directory = scratch_.path(),
                                  .before_exec = std::move(before_exec)})
        .status();
  };
  const auto closed = [] {
    close(STDIN_FILENO);
    close(STDERR_FILENO);
  };
  const std::string script =
      "for n in 0 1 2; do if [ -e /proc/self/fd/$n ]; then printf open; else printf closed; fi; done > seen";
  EXPECT_EQ(traced(script, closed), 0);
  EXPECT_EQ(read_file(scratch_ / "seen"), "closedopenclosed");
  const auto full = [] { dup2(open("/dev/full", O_WRONLY), STDERR_FILENO); };
  EXPECT_EQ(traced("exit 3", full), 3);
  EXPECT_EQ(traced("exit 0", full), 125);  // the report got lost
  EXPECT_EQ(traced("exit 3", full, "gate"), 125);
}

/// A command that has run is none that was skipped, and its own failure is what is told.
TEST_F(Transparency, WhatCannotBeWrittenAfterwardsLeavesTheStatus) {
  const auto out = scratch_ / "out";
  for (const int status : {0, 3}) {
    std::filesystem::create_directory(out);
    const ProgramResult result = run_program(
        scratch_, {.argv = {leakgate_path(), "record", "-o", out / "trace", "--if-unsupported=skip", "--",
                            "/bin/sh", "-c", "chmod 555 out; exit " + std::to_string(status)},
                   .directory = scratch_.path(),
                   // so that root, too, may not write where nobody may
                   .before_exec = [] { prctl(PR_CAPBSET_DROP, 1 /* CAP_DAC_OVERRIDE */); }});
    EXPECT_EQ(result.status(), status == 0 ? 125 : status) << result.err;
    EXPECT_THAT(result.err, testing::HasSubstr("cannot write"));
    std::filesystem::permissions(out, std::filesystem::perms(0755));
    std::filesystem::remove_all(out);
  }
}

TEST_F(Transparency, ExitStatusesAreTheTargets) {
  for (const int status : {1, 2, 4, 77, 124, 125, 255}) {
    SCOPED_TRACE(status);
    expect_equal({environment_program(), "-x", std::to_string(status)});
  }
}

TEST_F(Transparency, TestFrameworksPrintWhatTheyAlwaysPrint) {
  expect_equal({program_path("live_gtest_outside"), "--gtest_print_time=0"});
  expect_equal({program_path("live_gtest_mixed"), "--gtest_print_time=0", "--gtest_color=yes"});
  expect_equal({program_path("live_catch2_mixed"), "--rng-seed", "5"});
}

// It hung, or stood still for ten seconds, where the one that execs waited for threads that leakgate held.
TEST_F(Transparency, AThreadMayExecWhileAnotherOneEndsTheProcess) {
  for (int round = 0; round < 12; ++round) {
    const Traced traced = trace(scratch_, {.command = {program_path("live_execs_while_ending")}});
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
    EXPECT_THAT(traced.result["tracer"]["notes"],
                testing::Not(testing::Contains(testing::HasSubstr("did not stop"))));
    // nor is the other program's memory looked at for this one's
    for (const auto& leak : traced.result["leaks"])
      EXPECT_TRUE(leak["bytes"] != 150 || leak["kind"] == "still_reachable" || leak["kind"] == "unclassified")
          << leak.dump(1);
  }
}

// One waited for the other's answer, for one second or until leakgate gave it up, in one run of three.
TEST_F(Transparency, ProcessesThatEndTogetherDoNotHoldEachOtherUp) {
  for (int round = 0; round < 6; ++round) {
    const Traced traced = trace(scratch_, {.command = {program_path("live_end_together")}});
    expect_whole(traced);
    EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
    EXPECT_THAT(traced.result["tracer"]["notes"], testing::IsEmpty());
    EXPECT_EQ(traced.result["summary"]["leaked_blocks"], 40);
    for (const auto& leak : traced.result["leaks"])
      EXPECT_TRUE(leak["verdict"] != "fail" || leak["kind"] == "definitely_lost") << leak.dump(1);
  }
}

/// The preload backend's ledger is address space of the program's.
TEST_F(Transparency, ALimitOfTheAddressSpaceIsTheProgramsOwn) {
  for (const char* const how : {"", "for good"}) {
    SCOPED_TRACE(how);
    TraceRequest request{.command = {program_path("live_limits_space")}};
    if (*how) request.command.push_back(how);
    const Traced traced = trace(scratch_, request);
    expect_whole(traced);
    EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
    EXPECT_THAT(leak_rows(traced), testing::ElementsAre(row(1, "(outside tests)", "limits_space.c",
                                                            "live_keep(malloc(77))", 1, 77)));
  }
}

TEST_F(Transparency, CommandsAreFoundInPathAndScriptsAreRun) {
  const auto script = scratch_ / "no-interpreter-line";
  write_file(script, "echo \"$0\" \"$@\"; exit 3\n");
  std::filesystem::permissions(script, std::filesystem::perms(0755));
  expect_equal({"no-interpreter-line", "a b"},
               {.extra_environment = {"PATH=/bin:" + scratch_.path().string()}});
}

/// sudo itself is not needed: it shows in variables only.
TEST_F(Transparency, UnderSudoTheTargetIsTheInvokingUsers) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be told that sudo made it root";
  const passwd* const user = getpwuid(65534);
  ASSERT_NE(user, nullptr);
  const uid_t uid = user->pw_uid;
  const gid_t gid = user->pw_gid;
  const std::string name = user->pw_name;
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin",
                                          "HOME=" + std::string(user->pw_dir),
                                          "USER=" + name,
                                          "LOGNAME=" + name,
                                          "LANG=C",
                                          "SHELL=" + std::string(user->pw_shell)};
  // Where everybody can execute it.
  const auto program = scratch_ / "environment";
  std::filesystem::copy_file(environment_program(), program);
  const std::vector<std::string> command = {program, "argument"};

  const auto become_user = [&] {
    if (initgroups(name.c_str(), gid) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
      _exit(125);
  };
  const ProgramResult native = run_program(scratch_, {.argv = command,
                                                      .input = "in",
                                                      .environment = environment,
                                                      .directory = scratch_.path(),
                                                      .before_exec = become_user});
  environment[1] = "HOME=/root";
  environment[2] = "USER=root";
  environment[3] = "LOGNAME=root";
  for (const std::string& added : {"SUDO_UID=" + std::to_string(uid), "SUDO_GID=" + std::to_string(gid),
                                   "SUDO_USER=" + name, std::string("SUDO_COMMAND=leakgate run")})
    environment.push_back(added);
  const Traced traced =
      trace(scratch_, {command,
                       {"--output", scratch_ / "report.txt"},
                       {.input = "in", .environment = environment, .directory = scratch_.path()}});
  expect_whole(traced);
  EXPECT_THAT(native.out, testing::HasSubstr("uid=65534,65534,65534"));
  EXPECT_EQ(traced.program.out, native.out);
  EXPECT_EQ(traced.program.err, native.err);
}

}  // namespace
}  // namespace leakgate::live

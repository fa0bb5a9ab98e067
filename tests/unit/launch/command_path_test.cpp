// SPDX-License-Identifier: Apache-2.0
// Finding programs as execvp does, and every way a command cannot be run, with its kind of error.
#include "harness/launch/command_path.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/launch/target.h"
#include "tests/unit/launch/program_run.h"

namespace leakgate::launch {
namespace {

using launch_test::plain_environment;
using launch_test::run_program;
using launch_test::TemporaryDirectory;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(CommandCandidates, FollowThePathInOrder) {
  EXPECT_THAT(command_candidates("x", "/a:/b/"), ElementsAre("/a/x", "/b//x"));
}
TEST(CommandCandidates, AnEmptyElementIsTheCurrentDirectory) {
  EXPECT_THAT(command_candidates("x", ":/a:"), ElementsAre("x", "/a/x", "x"));
}
TEST(CommandCandidates, ASlashTurnsTheSearchOff) {
  EXPECT_THAT(command_candidates("./x", "/a"), ElementsAre("./x"));
}
TEST(CommandCandidates, NoPathMeansTheSystemsOwn) {
  EXPECT_THAT(command_candidates("x", std::nullopt), ElementsAre("/bin/x", "/usr/bin/x"));
}

TEST(FindCommand, SkipsWhatMayNotBeExecuted) {
  const TemporaryDirectory first;
  const TemporaryDirectory second;
  first.write("tool", "#!/bin/sh\n", 0644);
  const std::string wanted = second.write("tool", "#!/bin/sh\n", 0755);
  auto found = find_command("tool", first.path() + ":" + second.path());
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, wanted);
}

/// The error of launching `command`, at hold or at release.
Error launch_error(const std::string& command, const std::string& path = "/usr/bin:/bin") {
  LaunchRequest request;
  request.caller = CallerState::capture();
  request.caller->environment = {"PATH=" + path};
  request.argv = {command};
  auto target = Target::hold(request);
  if (!target) return target.error();
  auto released = target->release();
  return released ? Error{ErrorKind::internal, "it ran", {}, 0} : released.error();
}

TEST(CommandFailure, UnknownNameIsNotFound) {
  const Error error = launch_error("no-such-command-here");
  EXPECT_EQ(error.kind, ErrorKind::not_found);
  EXPECT_EQ(error.message, "cannot run 'no-such-command-here': command not found in PATH");
  EXPECT_FALSE(error.hint.empty());
}
TEST(CommandFailure, MissingFileIsNotFound) {
  EXPECT_EQ(launch_error("/no/such/file").kind, ErrorKind::not_found);
  EXPECT_EQ(launch_error("/bin/sh/file").kind, ErrorKind::not_found);
  EXPECT_EQ(launch_error("").kind, ErrorKind::not_found);
  EXPECT_EQ(launch_error(std::string(5000, 'x')).kind, ErrorKind::not_found);
}
TEST(CommandFailure, DirectoryIsNotExecutable) {
  const Error error = launch_error("/usr");
  EXPECT_EQ(error.kind, ErrorKind::not_executable);
  EXPECT_THAT(error.message, HasSubstr("is a directory"));
}
TEST(CommandFailure, MissingPermissionIsNotExecutable) {
  const TemporaryDirectory directory;
  const Error by_path = launch_error(directory.write("plain", "#!/bin/sh\n", 0644));
  EXPECT_EQ(by_path.kind, ErrorKind::not_executable);
  EXPECT_THAT(by_path.hint, HasSubstr("chmod +x"));
  EXPECT_EQ(launch_error("plain", "/nowhere:" + directory.path()).kind, ErrorKind::not_executable);
}
TEST(CommandFailure, BinaryGarbageIsNotExecutable) {
  const TemporaryDirectory directory;
  const Error error = launch_error(directory.write("garbage", std::string("\x01\x00\x02\n", 4), 0755));
  EXPECT_EQ(error.kind, ErrorKind::not_executable);
  EXPECT_THAT(error.message, HasSubstr("exec format error"));
}
TEST(CommandFailure, TruncatedElfIsNotExecutable) {
  const TemporaryDirectory directory;
  const std::string head = launch_test::read_file("/bin/true").substr(0, 200);
  EXPECT_EQ(launch_error(directory.write("short", head, 0755)).kind, ErrorKind::not_executable);
}
TEST(CommandFailure, MissingInterpreterIsNamed) {
  const TemporaryDirectory directory;
  const Error script = launch_error(directory.write("script", "#! /no/such/interpreter -x\n", 0755));
  EXPECT_EQ(script.kind, ErrorKind::not_found);
  EXPECT_THAT(script.message, HasSubstr("'/no/such/interpreter'"));
  std::string program = launch_test::read_file("/bin/true");
  const std::size_t loader = program.find("/lib64/ld-linux");
  if (loader == std::string::npos) GTEST_SKIP() << "/bin/true has no x86-64 loader here";
  program.replace(loader, 6, "/lib63");
  const Error elf = launch_error(directory.write("program", program, 0755));
  EXPECT_THAT(elf.message, HasSubstr("'/lib63/ld-linux-x86-64.so.2'"));
}
TEST(CommandFailure, TooLongArgumentsAreNotExecutable) {
  LaunchRequest request;
  request.argv = {"/bin/true", std::string(1 << 20, 'x')};
  auto target = Target::hold(request);
  ASSERT_TRUE(target);
  auto released = target->release();
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().kind, ErrorKind::not_executable);
  EXPECT_THAT(released.error().message, HasSubstr("argument list too long"));
}
TEST(CommandFailure, FileBeingWrittenIsNotExecutable) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("busy", launch_test::read_file("/bin/true"), 0755);
  const int writer = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const Error error = launch_error(path);
  close(writer);
  EXPECT_EQ(error.kind, ErrorKind::not_executable);
}
TEST(CommandFailure, NoCommandIsAUsageError) {
  auto target = Target::hold({});
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().kind, ErrorKind::usage);
}

TEST(ScriptWithoutInterpreter, RunsThroughTheShellAsExecvpDoes) {
  const TemporaryDirectory directory;
  const std::string script = directory.write("plain", "echo \"$0 $1 $#\"\nexit 5\n", 0755);
  const auto native = run_program({script, "a b", "c"}, plain_environment());
  const auto driven = run_program({LAUNCH_DRIVER, "--", script, "a b", "c"}, plain_environment());
  EXPECT_EQ(driven.out, native.out);
  EXPECT_EQ(driven.out, script + " a b 2\n");
  EXPECT_EQ(driven.code, 5);
  EXPECT_EQ(driven.err, "runs through /bin/sh\n");
}

}  // namespace
}  // namespace leakgate::launch

// SPDX-License-Identifier: Apache-2.0
// Private copies: seen by the target's tree under the ordinary path, by nobody else, and gone with it.
#include "harness/launch/private_copies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <sstream>

#include "harness/launch/target.h"
#include "tests/unit/launch/program_run.h"

namespace leakgate::launch {
namespace {

using launch_test::eventually;
using launch_test::is_running;
using launch_test::plain_environment;
using launch_test::read_file;
using launch_test::run_program;
using launch_test::RunningProgram;
using launch_test::TemporaryDirectory;
using testing::HasSubstr;

std::string real_path(const std::string& path) {
  char buffer[PATH_MAX] = {};
  return realpath(path.c_str(), buffer) == nullptr ? "" : buffer;
}

/// The C library that this test itself runs with.
std::string own_libc() {
  std::istringstream maps(read_file("/proc/self/maps"));
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with("/libc.so.6")) return line.substr(line.find('/'));
  }
  return "";
}

ino_t inode_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

/// "device inode" of each line of `maps` that names `path`.
std::string mapped_inode(const std::string& maps, const std::string& path) {
  std::istringstream lines(maps);
  for (std::string line; std::getline(lines, line);) {
    if (!line.ends_with(" " + path)) continue;
    std::istringstream fields(line);
    std::string skipped;
    std::string device;
    std::string inode;
    fields >> skipped >> skipped >> skipped >> device >> inode;
    return device + " " + inode;
  }
  return "";
}

Result<Target> hold_with_copies(std::vector<std::string> argv, std::vector<PrivateCopy> copies) {
  LaunchRequest request;
  request.argv = std::move(argv);
  request.private_copies = std::move(copies);
  request.as_root = true;
  return Target::hold(request);
}

TEST(PrivateCopyPlan, TwoNamesOfOneFileAreOneCopy) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("object", "x", 0644);
  const std::string link = directory.path() + "/symbolic";
  const std::string hard = directory.path() + "/hard";
  ASSERT_EQ(symlink(file.c_str(), link.c_str()), 0);
  ASSERT_EQ(::link(file.c_str(), hard.c_str()), 0);
  auto plan = plan_private_copies({{file}, {link}, {hard}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->contents, 1u);
  EXPECT_EQ(plan->mounts.size(), 2u);  // a mount covers one of two hard links only
  EXPECT_THAT(plan->mount_of_request, testing::ElementsAre(0, 0, 1));
}
TEST(PrivateCopyPlan, RefusesWhatIsNoPlainFile) {
  const TemporaryDirectory directory;
  EXPECT_FALSE(plan_private_copies({{directory.path()}}));
  EXPECT_FALSE(plan_private_copies({{directory.path() + "/missing"}}));
  EXPECT_FALSE(plan_private_copies({{"/dev/null"}}));
  EXPECT_FALSE(plan_private_copies({{directory.write("set-id", "x", 04755)}}));
  EXPECT_FALSE(plan_private_copies(std::vector<PrivateCopy>(kMaxPrivateCopies + 1, PrivateCopy{"/bin/sh"})));
}

TEST(PrivateCopies, ShowTheOrdinaryPathAndAnotherInodeToTheWholeTree) {
  SKIP_UNLESS_ROOT();
  const std::string libc = own_libc();
  const std::string script =
      "cat /proc/$$/maps; echo ====; cat /proc/self/maps; echo ====; cat '" + libc + "' | cksum";
  const auto native = run_program({"/bin/sh", "-c", script}, plain_environment());
  const auto copied = run_program({LAUNCH_DRIVER, "--as-root", "--copy", libc, "--", "/bin/sh", "-c", script},
                                  plain_environment());
  ASSERT_EQ(copied.err, "");
  const auto shell_of = [](const std::string& text) { return text.substr(0, text.find("====")); };
  const auto rest_of = [](const std::string& text) { return text.substr(text.find("====")); };
  const std::string real = mapped_inode(shell_of(native.out), libc);
  const std::string copy = mapped_inode(shell_of(copied.out), libc);
  ASSERT_FALSE(real.empty() || copy.empty()) << copied.out;
  EXPECT_NE(real, copy);
  EXPECT_EQ(mapped_inode(rest_of(copied.out), libc), copy);
  EXPECT_EQ(native.out.substr(native.out.rfind("====")),
            copied.out.substr(copied.out.rfind("====")));  // same bytes
}

TEST(PrivateCopies, KeepModeOwnerAndTime) {
  SKIP_UNLESS_ROOT();
  const TemporaryDirectory directory;
  const std::string object = directory.write("object.so", "content", 0640);
  ASSERT_EQ(chown(object.c_str(), 1234, 4321), 0);
  const std::vector<std::string> command = {"stat", "-c", "%a %u %g %Y %s", object};
  std::vector<std::string> driven = {LAUNCH_DRIVER, "--as-root", "--copy", object, "--"};
  driven.insert(driven.end(), command.begin(), command.end());
  const auto native = run_program(command, plain_environment());
  const auto copied = run_program(driven, plain_environment());
  EXPECT_THAT(native.out, HasSubstr("640 1234 4321"));
  EXPECT_EQ(copied.out, native.out);
  EXPECT_EQ(copied.err, "");
}

TEST(PrivateCopies, AreReachedFromOutsideByCopyPath) {
  SKIP_UNLESS_ROOT();
  const TemporaryDirectory directory;
  const std::string first = directory.write("a.so", "first", 0644);
  const std::string second = directory.write("b.so", "second", 0644);
  const std::string hard = directory.path() + "/c.so";
  ASSERT_EQ(link(first.c_str(), hard.c_str()), 0);
  auto target = hold_with_copies({"stat", "-c", "%i", first, second, hard}, {{first}, {second}, {hard}});
  ASSERT_TRUE(target) << target.error().message;
  ASSERT_TRUE(target->has_private_copies()) << target->private_copies_refusal();
  EXPECT_EQ(read_file(target->copy_path(0)), "first");
  EXPECT_EQ(read_file(target->copy_path(1)), "second");
  EXPECT_EQ(target->copy_path(2), target->copy_path(0));
  EXPECT_EQ(target->copy_path(3), "");
  EXPECT_NE(inode_of(target->copy_path(0)), inode_of(first));
  const std::string inside = "/proc/" + std::to_string(target->pid()) + "/root";
  for (const std::string& path : {first, hard})
    EXPECT_EQ(inode_of(inside + path), inode_of(target->copy_path(0)));
  EXPECT_EQ(inode_of(inside + second), inode_of(target->copy_path(1)));
  ASSERT_TRUE(target->release());
  EXPECT_EQ(target->wait_exit()->code, 0);
  EXPECT_EQ(read_file(target->copy_path(1)), "second");  // the descriptor keeps it
}

#ifdef LAUNCH_STATIC
TEST(PrivateCopies, ReplaceAStaticExecutableItself) {
  SKIP_UNLESS_ROOT();
  const auto native = run_program({LAUNCH_STATIC}, {});
  const auto copied =
      run_program({LAUNCH_DRIVER, "--as-root", "--copy", LAUNCH_STATIC, "--", LAUNCH_STATIC}, {});
  EXPECT_EQ(copied.code, 0) << copied.err;
  EXPECT_EQ(copied.err, "");
  EXPECT_NE(copied.out, native.out);
}
#endif

TEST(PrivateCopies, CoverTheLoaderUnderAllItsNames) {
  SKIP_UNLESS_ROOT();
  const std::string loader = real_path("/lib64/ld-linux-x86-64.so.2");
  if (loader.empty()) GTEST_SKIP() << "no x86-64 loader on this machine";
  const auto run =
      run_program({LAUNCH_DRIVER, "--as-root", "--copy", "/lib64/ld-linux-x86-64.so.2", "--copy", loader,
                   "--copy", own_libc(), "--", "cat", "/proc/self/mountinfo", "/proc/self/maps"},
                  plain_environment());
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err, "");
  EXPECT_THAT(run.out, HasSubstr(" " + loader + " "));
  EXPECT_NE(mapped_inode(run.out, loader), "");
  std::size_t mounts = 0;
  for (std::size_t at = run.out.find("tmpfs leakgate "); at != std::string::npos;
       at = run.out.find("tmpfs leakgate ", at + 1)) {
    ++mounts;
  }
  EXPECT_EQ(mounts, 2u) << "one mount a file, and the temporary file system itself detached:\n" << run.out;
}

TEST(PrivateCopies, LeaveTheHostsMountTableAlone) {
  SKIP_UNLESS_ROOT();
  const std::string before = read_file("/proc/self/mountinfo");
  const ino_t libc_before = inode_of(own_libc());
  auto target = hold_with_copies({"sleep", "100"}, {{own_libc()}});
  ASSERT_TRUE(target);
  ASSERT_TRUE(target->has_private_copies()) << target->private_copies_refusal();
  EXPECT_EQ(read_file("/proc/self/mountinfo"), before);
  ASSERT_TRUE(target->release());
  EXPECT_EQ(read_file("/proc/self/mountinfo"), before);
  EXPECT_EQ(inode_of(own_libc()), libc_before);
  ASSERT_TRUE(target->send_signal(SIGKILL));
  ASSERT_TRUE(target->wait_exit());
  EXPECT_EQ(read_file("/proc/self/mountinfo"), before);
}

TEST(PrivateCopies, DoNotReachASharedMountTable) {
  SKIP_UNLESS_ROOT();
  const std::string libc = own_libc();
  // systemd makes / shared; here that is set up in a namespace of the test's own.
  const std::string script =
      "mount --make-rshared / && cat /proc/self/mountinfo | sort > \"$0\".before && '" LAUNCH_DRIVER
      "' --as-root --copy " +
      libc + " -- /bin/sh -c 'cat /proc/$PPID/mountinfo | sort > \"$0\".during' \"$0\"";
  const TemporaryDirectory directory;
  const std::string base = directory.path() + "/table";
  const auto run = run_program({"unshare", "-m", "/bin/sh", "-c", script, base}, plain_environment());
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_FALSE(read_file(base + ".before").empty());
  EXPECT_EQ(read_file(base + ".during"), read_file(base + ".before"));
}

TEST(PrivateCopies, LeaveNothingBehindAKilledLauncher) {
  SKIP_UNLESS_ROOT();
  const std::string before = read_file("/proc/self/mountinfo");
  const TemporaryDirectory directory;
  RunningProgram driver(
      {LAUNCH_DRIVER, "--as-root", "--copy", own_libc(), "--", "/bin/sh", "-c", "echo $$; exec sleep 100"},
      plain_environment());
  const pid_t target = std::atoi(driver.read_line().c_str());
  ASSERT_GT(target, 0);
  driver.send_signal(SIGKILL);
  driver.wait();
  EXPECT_TRUE(is_running(target));
  EXPECT_EQ(read_file("/proc/self/mountinfo"), before);
  kill(target, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !is_running(target); }));
  EXPECT_EQ(read_file("/proc/self/mountinfo"), before);
}

TEST(PrivateCopies, RefusalIsAReasonAndNotAFailedRun) {
  auto target = hold_with_copies({"/bin/true"}, {{"/no/such/object.so"}});
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->has_private_copies());
  EXPECT_THAT(target->private_copies_refusal(), HasSubstr("/no/such/object.so"));
  ASSERT_TRUE(target->release());
  EXPECT_EQ(target->wait_exit()->code, 0);
}

TEST(PrivateCopies, WithoutThePrivilegeTheTargetRunsWithoutThem) {
  SKIP_UNLESS_ROOT();
  const TemporaryDirectory directory;
  const std::string driver = directory.write("driver", read_file(LAUNCH_DRIVER), 0755);
  const auto run =
      run_program({driver, "--copy", own_libc(), "--", "/bin/sh", "-c", "exit 3"}, plain_environment(), [] {
        if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(97);
      });
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.err, HasSubstr("a mount namespace was refused: Operation not permitted"));
}

TEST(PrivateCopies, AFileSizeLimitIsLiftedForThemOrIsTheReason) {
  SKIP_UNLESS_ROOT();
  const auto run_with = [](const std::string& limit) {
    return run_program({"/bin/sh", "-c", "ulimit " + limit + " -f 100; exec \"$0\" \"$@\"", LAUNCH_DRIVER,
                        "--as-root", "--copy", own_libc(), "--", "/bin/sh", "-c", "ulimit -S -f"},
                       plain_environment());
  };
  const auto soft = run_with("-S");
  EXPECT_EQ(soft.err, "");
  EXPECT_EQ(soft.out, "100\n");
  const auto hard = run_with("");  // lifting that takes CAP_SYS_RESOURCE, which a container's root may lack
  EXPECT_EQ(hard.out, "100\n");
  if (!hard.err.empty()) {
    EXPECT_THAT(hard.err, HasSubstr("could not be copied: File too large"));
  }
}

}  // namespace
}  // namespace leakgate::launch

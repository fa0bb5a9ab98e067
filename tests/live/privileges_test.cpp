// SPDX-License-Identifier: Apache-2.0
// Who traces, and who the target is: file capabilities in place of sudo, and a real sudo. The target never
// has a capability of leakgate's.
#include <gmock/gmock.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kNobody = 65534;
constexpr const char* kAll = "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_sys_admin+ep";

void become_nobody() {
  if (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
      setresuid(kNobody, kNobody, kNobody) != 0)
    _exit(125);
}

/// The lines of `text` that begin with one of `starts`.
std::vector<std::string> lines_with(const std::string& text, const std::vector<std::string>& starts) {
  std::vector<std::string> found;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    for (const std::string& start : starts)
      if (line.starts_with(start)) found.push_back(line);
  return found;
}

class Privileges : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (geteuid() != 0) GTEST_SKIP() << "only root can hand out privileges";
    // a place that everybody can reach and write
    public_ = scratch_ / "public";
    std::filesystem::create_directory(public_);
    std::filesystem::permissions(public_, std::filesystem::perms(0777));
  }

  /// A copy of leakgate with these file capabilities; empty where the file system keeps none.
  std::string leakgate_with(const std::string& capabilities) {
    const std::string copy = public_ / "leakgate";
    std::filesystem::copy_file(leakgate_path(), copy, std::filesystem::copy_options::overwrite_existing);
    const int status = run_program(scratch_, {.argv = {"setcap", capabilities, copy}}).status();
    return status == 0 ? copy : std::string();
  }

  /// leakgate run as an ordinary user, on a copy of `program` that this user can reach.
  Traced run_as_nobody(const std::string& leakgate, const std::string& program,
                       const std::vector<std::string>& environment = {}) {
    const auto target = public_ / std::filesystem::path(program).filename();
    std::filesystem::copy_file(program, target, std::filesystem::copy_options::overwrite_existing);
    const auto json = public_ / "result.json";
    std::filesystem::remove(json);
    Traced traced;
    traced.program = run_program(scratch_, {.argv = {leakgate, "run", "--judged-moments", "none", "--json",
                                                     json, "--output", public_ / "report", "--", target},
                                            .extra_environment = environment,
                                            .directory = public_,
                                            .before_exec = become_nobody});
    traced.result = nlohmann::json::parse(read_file(json), nullptr, false);
    if (traced.result.is_discarded()) traced.result = nullptr;
    return traced;
  }

  std::filesystem::path public_;
};

TEST_F(Privileges, FileCapabilitiesDoWithoutSudo) {
  const std::string leakgate = leakgate_with(kAll);
  if (leakgate.empty()) GTEST_SKIP() << "setcap is not installed, or the file system keeps no capabilities";
  const Traced traced = run_as_nobody(leakgate, program_path("live_exit_direct"));
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 7) << traced.program.err;
  EXPECT_THAT(leak_rows(traced),
              ElementsAre(row(0, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160)));
  EXPECT_THAT(traced.result["tracer"]["notes"], testing::IsEmpty()) << "no private copy was made";
}

TEST_F(Privileges, TwoCapabilitiesAreEnoughForATraceWithoutPrivateCopies) {
  const std::string leakgate = leakgate_with("cap_bpf,cap_perfmon+ep");
  if (leakgate.empty()) GTEST_SKIP() << "setcap is not installed, or the file system keeps no capabilities";
  const Traced traced = run_as_nobody(leakgate, program_path("live_exit_direct"));
  expect_whole(traced);
  EXPECT_THAT(leak_rows(traced),
              ElementsAre(row(0, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160)));
  ASSERT_EQ(traced.result["tracer"]["notes"].size(), 1u);
  EXPECT_THAT(traced.result["tracer"]["notes"][0].get<std::string>(), HasSubstr("CAP_SYS_ADMIN"));
}

/// /proc hides what such a process has open, and the target finds the ledger there.
TEST_F(Privileges, AFileWithCapabilitiesPreloadsAsOneWithout) {
  const std::string leakgate = leakgate_with(kAll);
  if (leakgate.empty()) GTEST_SKIP() << "setcap is not installed, or the file system keeps no capabilities";
  const auto built = std::filesystem::path(leakgate_path()).parent_path() / "../adapters/preload";
  std::filesystem::copy_file(built / "libleakgate_preload.so", public_ / "libleakgate_preload.so");
  for (const char* const backend : {"preload", "auto"}) {
    // some capabilities, and not enough for eBPF
    ASSERT_EQ(run_program(scratch_, {.argv = {"setcap", "cap_perfmon,cap_sys_ptrace+ep", leakgate}}).status(),
              0);
    const Traced traced = run_as_nobody(leakgate, program_path("live_exit_direct"),
                                        {std::string("LEAKGATE_BACKEND=") + backend});
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), 7) << traced.program.err;
    EXPECT_EQ(traced.result["tracer"]["backend"], "preload");
    EXPECT_THAT(leak_rows(traced),
                ElementsAre(row(0, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160)));
  }
}

TEST_F(Privileges, WithoutAnyCapabilityItSaysWhatIsMissing) {
  const std::string leakgate = leakgate_with("cap_chown-ep");
  if (leakgate.empty()) GTEST_SKIP() << "setcap is not installed, or the file system keeps no capabilities";
  const Traced traced = run_as_nobody(leakgate, program_path("live_exit_direct"));
  EXPECT_EQ(traced.program.status(), 125);
  EXPECT_THAT(traced.program.err, HasSubstr("CAP_BPF"));
  EXPECT_EQ(traced.program.out, "");
}

/// A file with capabilities runs in the dynamic linker's secure mode, which takes variables away; the target
/// gets them all the same, and no capability.
TEST_F(Privileges, TheTargetOfAFileWithCapabilitiesIsAnOrdinaryProcess) {
  const std::string leakgate = leakgate_with(kAll);
  if (leakgate.empty()) GTEST_SKIP() << "setcap is not installed, or the file system keeps no capabilities";
  const std::vector<std::string> environment = {"LD_LIBRARY_PATH=/nowhere", "TMPDIR=" + public_.string(),
                                                "LD_PRELOAD=", "MALLOC_CHECK_=0"};
  const Traced traced = run_as_nobody(leakgate, program_path("live_environment"), environment);
  const ProgramResult native = run_program(scratch_, {.argv = {public_ / "live_environment"},
                                                      .extra_environment = environment,
                                                      .directory = public_,
                                                      .before_exec = become_nobody});
  expect_whole(traced);
  EXPECT_THAT(native.out, HasSubstr("LD_LIBRARY_PATH=/nowhere"));
  EXPECT_THAT(native.out, HasSubstr("uid=65534,65534,65534"));
  EXPECT_THAT(native.out, HasSubstr("CapPrm:\t0000000000000000"));
  EXPECT_EQ(traced.program.out, native.out);
  EXPECT_EQ(traced.program.err, native.err);
}

TEST_F(Privileges, NobodyCanWriteThePrivateCopies) {
  const std::string leakgate = leakgate_with(kAll);
  if (leakgate.empty()) GTEST_SKIP() << "setcap is not installed, or the file system keeps no capabilities";
  const auto script = public_ / "script";
  write_file(script,
             "#!/bin/sh\n"
             "library=$(sed -n 's/.* \\(\\/.*libc.so.6\\)$/\\1/p' /proc/self/maps | head -n 1)\n"
             "[ -n \"$library\" ] && echo \"found\"\n"
             "chmod u+w \"$library\" 2>/dev/null && echo \"mode changed\"\n"
             "{ : >>\"$library\"; } 2>/dev/null && echo \"opened for writing\"\n"
             "exit 0\n");
  std::filesystem::permissions(script, std::filesystem::perms(0755));
  const auto result = run_program(scratch_, {.argv = {leakgate, "run", "--output", public_ / "report",
                                                      "--json", public_ / "result.json", "--", script},
                                             .directory = public_,
                                             .before_exec = become_nobody});
  EXPECT_EQ(result.out, "found\n") << result.err;
}

TEST_F(Privileges, DoctorSaysHowToDoWithoutSudo) {
  const std::string leakgate = leakgate_with(kAll);
  if (leakgate.empty()) GTEST_SKIP() << "setcap is not installed, or the file system keeps no capabilities";
  const ProgramResult doctor = run_program(
      scratch_, {.argv = {leakgate, "doctor"}, .directory = public_, .before_exec = become_nobody});
  EXPECT_EQ(doctor.status(), 0) << doctor.out << doctor.err;
  EXPECT_THAT(doctor.out, HasSubstr("sudo setcap " + std::string(kAll) + " " + leakgate));
  EXPECT_THAT(doctor.out, HasSubstr("private copy of the C library"));
}

/// debuginfod is a matter of the user's: a process of that user asks, and keeps what it gets.
TEST_F(Privileges, DebuginfodIsAskedAsTheInvokingUser) {
  const std::string program = public_ / "program";
  ASSERT_EQ(
      run_program(scratch_, {.argv = {"objcopy", "--strip-all", program_path("live_exit_direct"), program}})
          .status(),
      0);
  const std::string id = std::to_string(kNobody);
  const auto cache = public_ / "cache";
  const auto traced_with = [&](const std::string& urls) {
    return trace(scratch_,
                 {{program},
                  {"--output", public_ / "report"},
                  {.extra_environment = {"SUDO_UID=" + id, "SUDO_GID=" + id, "DEBUGINFOD_URLS=" + urls,
                                         "DEBUGINFOD_CACHE_PATH=" + cache.string()},
                   .directory = public_}});
  };
  const Traced without = traced_with("");
  ASSERT_EQ(without.result["leaks"].size(), 1u) << without.program.err;
  const auto& frame = without.result["leaks"][0]["stack"].back();
  EXPECT_FALSE(std::filesystem::exists(cache));
  std::string build_id;
  for (const auto& module : without.result["modules"])
    if (module["path"] == program) build_id = module["build_id"];
  ASSERT_NE(build_id, "") << frame;

  const auto folder = public_ / "server" / "buildid" / build_id;
  std::filesystem::create_directories(folder);
  ASSERT_EQ(run_program(scratch_, {.argv = {"objcopy", "--only-keep-debug", program_path("live_exit_direct"),
                                            folder / "debuginfo"}})
                .status(),
            0);
  const Traced with = traced_with("file://" + (public_ / "server").string());
  EXPECT_THAT(leak_rows(with), ElementsAre(row(0, "program", "exit_direct.c", "malloc(160)", 1, 160)));
  struct stat status {};
  ASSERT_EQ(stat((cache / build_id / "debuginfo").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kNobody);
}

/// The real sudo, with rules of its own that only this test's mount namespace has.
TEST_F(Privileges, UnderTheRealSudoTheTargetIsTheUsers) {
  if (run_program(scratch_, {.argv = {"sudo", "--version"}}).status() != 0)
    GTEST_SKIP() << "sudo is not installed";
  const passwd* const user = getpwuid(kNobody);
  ASSERT_NE(user, nullptr);
  const std::string name = user->pw_name;
  const std::string home = user->pw_dir;
  const auto rules = scratch_ / "sudoers";
  write_file(rules,
             "Defaults !requiretty\nroot ALL=(ALL:ALL) ALL\n" + name + " ALL=(ALL:ALL) NOPASSWD: ALL\n");
  std::filesystem::permissions(rules, std::filesystem::perms(0440));
  const auto target = public_ / "environment";
  std::filesystem::copy_file(program_path("live_environment"), target);
  const auto as_user_with_rules = [&] {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount(rules.c_str(), "/etc/sudoers", nullptr, MS_BIND, nullptr) != 0)
      _exit(124);
    if (initgroups(name.c_str(), user->pw_gid) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 || setresuid(kNobody, kNobody, kNobody) != 0)
      _exit(125);
  };
  const std::vector<std::string> environment = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + home,
                                                "USER=" + name, "LOGNAME=" + name};
  const ProgramResult native = run_program(scratch_, {.argv = {target},
                                                      .environment = environment,
                                                      .directory = public_,
                                                      .before_exec = as_user_with_rules});
  const auto json = public_ / "result.json";
  const ProgramResult traced =
      run_program(scratch_, {.argv = {"sudo", "-n", leakgate_path(), "run", "--json", json, "--output",
                                      public_ / "report", "--", target},
                             .environment = environment,
                             .directory = public_,
                             .before_exec = as_user_with_rules});
  ASSERT_EQ(traced.status(), native.status()) << traced.err;
  const std::vector<std::string> same = {
      "uid=", "groups=", "Cap", "NoNewPrivs", "cwd=", "env[0]=HOME=", "signal ", "SigBlk", "SigIgn", "fd "};
  EXPECT_EQ(lines_with(traced.out, same), lines_with(native.out, same));
  EXPECT_THAT(traced.out, HasSubstr("HOME=" + home + "\n"));
  EXPECT_THAT(traced.out, HasSubstr("USER=" + name + "\n"));
  EXPECT_THAT(traced.out, Not(HasSubstr("SUDO_")));
  EXPECT_THAT(native.out, HasSubstr("uid=65534"));
  const auto result = nlohmann::json::parse(read_file(json), nullptr, false);
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["run"]["complete"], true) << result["run"].dump(1);
}

}  // namespace
}  // namespace leakgate::live

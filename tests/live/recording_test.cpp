// SPDX-License-Identifier: Apache-2.0
// The recording is the whole truth: judge says, byte for byte, what run said; without privileges, and also
// for a recording that record made. Ten runs of one binary say one thing.
#include <gmock/gmock.h>
#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;

class Recording : public Live, public testing::WithParamInterface<const char*> {
 protected:
  static constexpr std::array<std::string_view, 4> kReports = {"json", "junit", "sarif", "output"};

  /// Options that write every report to FOLDER/NAME.
  static std::vector<std::string> report_options(const std::filesystem::path& folder) {
    std::filesystem::create_directory(folder);
    std::vector<std::string> options;
    for (const std::string_view report : kReports) {
      options.push_back("--" + std::string(report));
      options.push_back(folder / report);
    }
    return options;
  }
  static void expect_equal_reports(const std::filesystem::path& one, const std::filesystem::path& other) {
    for (const std::string_view report : kReports) {
      EXPECT_FALSE(read_file(one / report).empty()) << report;
      EXPECT_EQ(read_file(one / report), read_file(other / report)) << report;
    }
  }
  ProgramResult leakgate(std::vector<std::string> arguments, std::function<void()> before = {}) {
    arguments.insert(arguments.begin(), leakgate_path());
    return run_program(scratch_, {.argv = std::move(arguments), .before_exec = std::move(before)});
  }
  static std::vector<std::string> join(std::vector<std::string> left, const std::vector<std::string>& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
  }
};

TEST_P(Recording, JudgeSaysWhatRunSaid) {
  const std::string recording = scratch_ / "trace.lgrec";
  const ProgramResult ran =
      leakgate(join(join({"run", "--recording", recording}, report_options(scratch_ / "run")),
                    {"--", program_path(GetParam())}));
  const ProgramResult judged = leakgate(join({"judge", recording}, report_options(scratch_ / "judge")));
  EXPECT_EQ(judged.status(), ran.status()) << ran.err << judged.err;
  EXPECT_EQ(judged.err, "");
  expect_equal_reports(scratch_ / "run", scratch_ / "judge");
}

INSTANTIATE_TEST_SUITE_P(Programs, Recording,
                         testing::Values("live_gtest_mixed", "live_catch2_mixed", "live_gtest_crash",
                                         "live_fork_exec", "live_clean"),
                         [](const auto& program) { return std::string(program.param); });

class RecordCommand : public Recording {};

TEST_F(RecordCommand, LeavesWhatJudgeNeedsWithoutPrivileges) {
  const std::string recording = scratch_ / "trace.lgrec";
  const ProgramResult recorded =
      leakgate({"record", "-o", recording, "--", program_path("live_gtest_outside")});
  EXPECT_EQ(recorded.status(), 0) << recorded.err;
  const ProgramResult judged = leakgate(join({"judge", recording}, report_options(scratch_ / "root")));
  EXPECT_EQ(judged.status(), 23) << judged.err;
  if (geteuid() != 0) return;
  report_options(scratch_ / "nobody");
  std::filesystem::permissions(scratch_ / "nobody", std::filesystem::perms(0777));
  std::filesystem::permissions(recording, std::filesystem::perms(0644));
  // The build directory may be closed to others; the descriptor is taken along.
  const auto tool = scratch_ / "leakgate";
  std::filesystem::copy_file(leakgate_path(), tool);
  const ProgramResult unprivileged = run_program(
      scratch_,
      {.argv = join({tool, "judge", recording}, report_options(scratch_ / "nobody")), .before_exec = [] {
         if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(1);
       }});
  EXPECT_EQ(unprivileged.status(), 23) << unprivileged.err;
  expect_equal_reports(scratch_ / "root", scratch_ / "nobody");
}

TEST_F(RecordCommand, PassesTheTargetsStatusThrough) {
  EXPECT_EQ(leakgate({"record", "-o", scratch_ / "a", "--", program_path("live_exit_direct")}).status(), 7);
  EXPECT_EQ(leakgate({"record", "-o", scratch_ / "b", "--", program_path("live_aborts")}).status(), 134);
}

TEST_F(RecordCommand, SaysWhatRunWouldSayOfAnIncompleteTrace) {
  const ProgramResult recorded =
      leakgate({"record", "-o", scratch_ / "trace", "--", program_path("live_gtest_exits")});
  EXPECT_EQ(recorded.status(), 125);
  EXPECT_THAT(recorded.err,
              testing::HasSubstr("incomplete: the end of test Exit.EndsTheProcess was never seen"));
  EXPECT_EQ(leakgate({"run", "--", program_path("live_gtest_exits")}).status(), 125);
}

TEST_F(RecordCommand, ATestThatExecPutsAProgramInThePlaceOfHasNoEnd) {
  const ProgramResult child =
      leakgate({"run", "--", program_path("live_gtest_exits"), "--gtest_filter=Exec.InAChild"});
  EXPECT_EQ(child.status(), 0) << child.err;
  const ProgramResult replaced =
      leakgate({"run", "--", program_path("live_gtest_exits"), "--gtest_filter=Exec.*"});
  EXPECT_EQ(replaced.status(), 125);
  EXPECT_THAT(replaced.err,
              testing::HasSubstr("incomplete: the end of test Exec.InsteadOfTheTest was never seen"));
}

TEST_F(RecordCommand, AGivenSourceRootIsTheJudgesToo) {
  std::string root = program_source("");
  root.pop_back();
  const std::string recording = scratch_ / "trace.lgrec", sarif = scratch_ / "sarif";
  leakgate({"record", "-o", recording, "--source-root", root, "--", program_path("live_gtest_outside")});
  leakgate({"judge", "--sarif", sarif, recording});
  const std::string report = read_file(sarif);
  const Json run = Json::parse(report, nullptr, false)["runs"][0];
  EXPECT_EQ(run["originalUriBaseIds"]["%SRCROOT%"]["uri"], "file://" + root + "/");
  EXPECT_THAT(report, testing::HasSubstr("\"uri\": \"gtest_outside.cpp\""));
}

/// Takes out what may differ: time stamps, durations, ages, and pids, which become numbers in order of
/// appearance.
void normalise(Json& value, std::map<std::uint64_t, std::uint64_t>& pids) {
  if (value.is_object()) {
    for (auto& [name, member] : value.items()) {
      if (name == "started" || name == "wall_s" || name == "duration_s" || name == "held_s" ||
          name == "age_s" || name == "age_log2_ms" || name == "lifetime_log2_ms") {
        member = nullptr;
      } else if ((name == "pid" || name == "parent" || name == "process") && member.is_number()) {
        member = pids.try_emplace(member.get<std::uint64_t>(), pids.size()).first->second;
      } else {
        normalise(member, pids);
      }
    }
  } else if (value.is_array()) {
    for (Json& element : value)
      normalise(element, pids);
  }
}

/// The machine was so busy that ends of tests were passed over, as the result says: what is lost is the same,
/// but not when it was.
bool was_hurried(const Json& result) {
  const Json& notes = result["tracer"]["notes"];
  return std::any_of(notes.begin(), notes.end(), [](const Json& note) {
    return note.get<std::string>().find("were not looked at") != std::string::npos;
  });
}

class TenRuns : public Live, public testing::WithParamInterface<const char*> {};

TEST_P(TenRuns, GiveOneResult) {
  const std::string_view name = GetParam();
  const std::string path = name.starts_with("example_")
                               ? std::string(LEAKGATE_EXAMPLES) + "/" + std::string(name)
                               : program_path(name);
  Json first;
  int hurried = 0;
  for (int run = 0; run < 10; ++run) {
    Traced traced = trace(scratch_, {.command = {path}});
    expect_whole(traced);
    if (was_hurried(traced.result)) {
      ASSERT_LT(++hurried, 10);
      --run;
      continue;
    }
    std::map<std::uint64_t, std::uint64_t> pids;
    normalise(traced.result, pids);
    if (run == 0) first = traced.result;
    ASSERT_EQ(traced.result, first) << "run " << run << " differs:\n"
                                    << Json::diff(first, traced.result).dump(1);
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, TenRuns,
                         testing::Values("example_gtest_minimal", "example_catch2_minimal",
                                         "live_gtest_mixed", "live_fork_exec"),
                         [](const auto& program) { return std::string(program.param); });

}  // namespace
}  // namespace leakgate::live

// SPDX-License-Identifier: Apache-2.0
// What the gate's options do to status and reports, on recordings of known content: no tracing is needed.
#include <unistd.h>

#include "tests/cli/cli_run.h"

namespace leakgate::live {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class Gate : public Cli {
 protected:
  static std::string recording(std::string_view name) {
    return std::string(LEAKGATE_GOLDEN) + "/" + std::string(name) + "/recording.lgrec";
  }
  ProgramResult judge(std::string_view name, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"judge", recording(name)});
    return leakgate(std::move(options));
  }
  /// Bytes and blocks that fail in a recording.
  Json summary(std::string_view name) {
    judge(name, {"--json", "summary.json", "--output", "console"});
    return Json::parse(read_file(scratch_ / "summary.json"))["summary"];
  }
  static std::string last_line(const std::string& text) {
    const auto end = text.rfind('\n', text.size() - 2);
    return text.substr(end == std::string::npos ? 0 : end + 1);
  }
};

TEST_F(Gate, PassesFailsOrIsIncomplete) {
  const ProgramResult clean = judge("clean");
  EXPECT_EQ(clean.status(), 0);
  EXPECT_THAT(last_line(clean.out), StartsWith("leakgate: pass: "));
  const ProgramResult stripped = judge("stripped");
  EXPECT_EQ(stripped.status(), 23);
  EXPECT_THAT(last_line(stripped.out), StartsWith("leakgate: fail: "));
  const ProgramResult incomplete = judge("incomplete");
  EXPECT_EQ(incomplete.status(), 125);
  EXPECT_THAT(last_line(incomplete.out), StartsWith("leakgate: incomplete"));
  for (const ProgramResult& result : {clean, stripped, incomplete})
    EXPECT_EQ(result.err, "");
}

TEST_F(Gate, TargetsOwnFailureWins) {
  EXPECT_EQ(judge("leaks").status(), 1);
  EXPECT_EQ(judge("crash").status(), 139);
}

TEST_F(Gate, LeakExitCodeReplacesTwentyThreeAndNothingElse) {
  EXPECT_EQ(judge("stripped", {"--leak-exit-code", "99"}).status(), 99);
  EXPECT_EQ(judge("clean", {"--leak-exit-code", "99"}).status(), 0);
  EXPECT_EQ(judge("incomplete", {"--leak-exit-code", "99"}).status(), 125);
  EXPECT_EQ(judge("leaks", {"--leak-exit-code", "99"}).status(), 1);
}

TEST_F(Gate, LimitsAreExact) {
  const Json sums = summary("stripped");
  const auto bytes = sums["leaked_bytes"].get<std::uint64_t>();
  const auto blocks = sums["leaked_blocks"].get<std::uint64_t>();
  EXPECT_EQ(judge("stripped", {"--max-leaked-bytes", std::to_string(bytes)}).status(), 0);
  EXPECT_EQ(judge("stripped", {"--max-leaked-bytes", std::to_string(bytes - 1)}).status(), 23);
  EXPECT_EQ(judge("stripped", {"--max-leaked-blocks", std::to_string(blocks)}).status(), 0);
  EXPECT_EQ(judge("stripped", {"--max-leaked-blocks", std::to_string(blocks - 1)}).status(), 23);
  // Both limits hold.
  EXPECT_EQ(
      judge("stripped", {"--max-leaked-bytes", std::to_string(bytes), "--max-leaked-blocks", "0"}).status(),
      23);
}

TEST_F(Gate, SmallAndYoungLeaksMayPass) {
  EXPECT_EQ(judge("stripped", {"--min-size", "1000000"}).status(), 0);
  EXPECT_EQ(judge("stripped", {"--min-age", "1e6"}).status(), 0);
  EXPECT_EQ(judge("stripped", {"--min-size", "0", "--min-age", "0"}).status(), 23);
  EXPECT_EQ(judge("stripped", {"--min-confidence", "1"}).status(), 0);
  EXPECT_EQ(judge("stripped", {"--min-confidence", "0"}).status(), 23);
}

TEST_F(Gate, NoThresholdMakesAnIncompleteRunPass) {
  EXPECT_EQ(judge("incomplete", {"--min-size", "1000000000", "--max-leaked-bytes", "1000000000"}).status(),
            125);
}

TEST_F(Gate, MinusIsStandardOutput) {
  const ProgramResult result = judge("stripped", {"--json", "-", "--output", "console"});
  EXPECT_EQ(result.status(), 23);
  EXPECT_EQ(Json::parse(result.out, nullptr, false)["schema"], "leakgate-result/1");
  EXPECT_THAT(last_line(read_file(scratch_ / "console")), StartsWith("leakgate: fail: "));
}

TEST_F(Gate, TheConsoleReportMakesRoomForOneOnStandardOutput) {
  const ProgramResult result = judge("stripped", {"--json", "-"});
  EXPECT_EQ(Json::parse(result.out, nullptr, false)["schema"], "leakgate-result/1");
  EXPECT_THAT(last_line(result.err), StartsWith("leakgate: fail: "));
}

TEST_F(Gate, ReportsReplaceWhatWasThereWhole) {
  write_file(scratch_ / "report.json", std::string(1 << 20, 'x'));
  judge("stripped", {"--json", "report.json"});
  EXPECT_TRUE(Json::parse(read_file(scratch_ / "report.json"), nullptr, false).is_object());
}

/// A full disk, as /dev/full has it.
TEST_F(Gate, AReportThatCannotBeFinishedIsNoPass) {
  const ProgramResult result = judge("clean", {"--json", "/dev/full"});
  EXPECT_EQ(result.status(), 125) << result.err;
  EXPECT_THAT(result.err, HasSubstr("/dev/full"));
}

TEST_F(Gate, AFullDiskIsCalledThat) {
  EXPECT_THAT(judge("clean", {"--json", "/dev/full"}).err, HasSubstr("the disk is full"));
}

/// Passed over, it would leave a gate by other rules than the project's.
TEST_F(Gate, APolicyThatIsThereAndCannotBeReadIsNotPassedOver) {
  std::filesystem::create_directory(scratch_ / "leakgate.json");
  const ProgramResult folder = judge("clean");
  EXPECT_EQ(folder.status(), 125);
  EXPECT_THAT(folder.err, HasSubstr("leakgate.json is a directory"));
  EXPECT_EQ(judge("clean", {"--no-policy"}).status(), 0);
  std::filesystem::remove(scratch_ / "leakgate.json");
  std::filesystem::create_symlink("nowhere", scratch_ / "leakgate.json");
  const ProgramResult link = judge("clean");
  EXPECT_EQ(link.status(), 125);
  EXPECT_THAT(link.err, HasSubstr("leakgate.json is a link that leads nowhere"));
}

TEST_F(Gate, WhatWasFoundIsToldEvenWhereAReportCannotBeWritten) {
  const ProgramResult result = judge("stripped", {"--json", "/dev/full"});
  EXPECT_EQ(result.status(), 125);
  EXPECT_THAT(last_line(result.out), StartsWith("leakgate: fail: "));
}

TEST_F(Gate, TheConsoleReportIsOneThatAFileCanHave) {
  const ProgramResult result = judge("stripped", {"--report", "console=console.txt"});
  EXPECT_EQ(read_file(scratch_ / "console.txt"), result.out);
}

TEST_F(Gate, ColourIsForTerminalsOnly) {
  const std::string out = judge("stripped").out;
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
}

TEST(Help, IsThereForEveryCommand) {
  const Scratch scratch;
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), leakgate_path());
    return run_program(scratch, {.argv = std::move(arguments)});
  };
  for (const std::string_view command : {"", "run", "record", "judge", "doctor"}) {
    SCOPED_TRACE(command);
    std::vector<std::string> arguments;
    if (!command.empty()) arguments.emplace_back(command);
    arguments.emplace_back("--help");
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.status(), 0);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out, HasSubstr("leakgate"));
  }
  const ProgramResult help = run({"--help"});
  for (const char* command : {"run", "record", "judge", "doctor"})
    EXPECT_THAT(help.out, HasSubstr(command));
  EXPECT_THAT(help.out, testing::Not(HasSubstr("self-test-target")));
  const ProgramResult version = run({"--version"});
  EXPECT_EQ(version.status(), 0);
  EXPECT_THAT(version.out, testing::MatchesRegex("leakgate [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Help, NamesEveryGateOption) {
  const Scratch scratch;
  const std::string help = run_program(scratch, {.argv = {leakgate_path(), "run", "--help"}}).out;
  for (const char* option :
       {"--json", "--junit", "--sarif", "--output", "--max-leaked-bytes", "--max-leaked-blocks", "--min-size",
        "--min-age", "--leak-exit-code", "--timeout", "--if-unsupported", "--recording"})
    EXPECT_THAT(help, HasSubstr(option));
}

}  // namespace
}  // namespace leakgate::live

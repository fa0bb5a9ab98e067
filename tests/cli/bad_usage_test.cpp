// SPDX-License-Identifier: Apache-2.0
// Commands that cannot be run and options that cannot be obeyed. The command "touch marker" stands for one
// that would leave a trace of having run.
#include "tests/cli/cli_run.h"

namespace leakgate::live {
namespace {

struct BadUse {
  const char* name;
  std::vector<std::string> arguments;
  int status;
  const char* message;  ///< a part of the sentence
};

void PrintTo(const BadUse& use, std::ostream* out) {
  *out << use.name;
}

class BadUsage : public Cli, public testing::WithParamInterface<BadUse> {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(scratch_ / "folder");
    write_file(scratch_ / "not-executable", "echo ran\n");
    write_program("garbage", std::string("\1\2\3 not\0 a program\n", 19));
    write_program("short-elf", std::string("\177ELF\2\1\1\0\0\0\0\0", 12));
    write_program("damaged-elf", std::string("\177ELF\2\1\1 a line\n", 16));
    write_program("no-interpreter", "#!/nonexistent/interpreter\n");
    before_ = files();
  }
  void write_program(std::string_view name, const std::string& text) {
    write_file(scratch_ / name, text);
    std::filesystem::permissions(scratch_ / name, std::filesystem::perms(0755));
  }
  std::set<std::string> before_;
};

TEST_P(BadUsage, IsRefusedWithOneSentenceAndAHint) {
  const BadUse& use = GetParam();
  expect_refusal(leakgate(use.arguments), use.status, use.message);
  EXPECT_EQ(files(), before_) << "something was run or written";
}

std::vector<BadUse> bad_commands() {
  const auto run = [](std::vector<std::string> command) {
    command.insert(command.begin(), {"run", "--json", "report.json", "--"});
    return command;
  };
  return {{"NoCommand", run({}), 125, "no command"},
          {"NoCommandToRecord", {"record", "-o", "trace", "--"}, 125, "no command"},
          {"EmptyCommand", run({""}), 127, "empty"},
          {"CommandNotInPath", run({"no-such-command"}), 127, "no-such-command"},
          {"CommandWithoutFile", run({"./no-such-file"}), 127, "./no-such-file"},
          {"CommandInNoFolder", run({"no-such-folder/x"}), 127, "no-such-folder/x"},
          {"CommandThroughAFile", run({"./not-executable/x"}), 127, "./not-executable/x"},
          {"CommandNotExecutable", run({"./not-executable"}), 126, "./not-executable"},
          {"CommandIsADirectory", run({"./folder"}), 126, "directory"},
          {"CommandIsNoElfFile", run({"./garbage"}), 126, "./garbage"},
          {"CommandIsATruncatedElfFile", run({"./short-elf"}), 126, "./short-elf"},
          {"CommandIsADamagedElfFile", run({"./damaged-elf"}), 126, "./damaged-elf"},
          {"CommandHasNoInterpreter", run({"./no-interpreter"}), 127, "/nonexistent/interpreter"},
          {"NotFoundToRecord", {"record", "-o", "trace", "--", "no-such-command"}, 127, "no-such-command"}};
}

std::vector<BadUse> bad_options() {
  const auto with = [](std::vector<std::string> options) {
    options.insert(options.begin(), "run");
    options.insert(options.end(), {"--", "touch", "marker"});
    return options;
  };
  return {{"Nothing", {}, 125, "no leakgate command"},
          {"UnknownCommand", {"frobnicate"}, 125, "unknown command 'frobnicate'"},
          {"MisspeltCommand", {"runn", "--", "touch", "marker"}, 125, "unknown command 'runn'"},
          {"AcceptToShow", {"baseline", "show", "b.json", "--accept", "x"}, 125, "takes no --accept"},
          {"EmptyFileByEquals", with({"--json="}), 125, "--json was given an empty value"},
          {"CommandWithoutRun", {"--", "touch", "marker"}, 125, "no leakgate command"},
          {"SeparatorForgotten", {"run", "touch", "marker"}, 125, "touch"},
          {"UnknownOption", with({"--bogus"}), 125, "--bogus"},
          {"EmptyFile", with({"--json", ""}), 125, "--json was given an empty value"},
          {"EmptyRecording", {"record", "-o", "", "--", "touch", "marker"}, 125, "--output"},
          {"EmptyNumber", with({"--max-leaked-bytes="}), 125, "--max-leaked-bytes"},
          {"EmptyPolicy", with({"--policy="}), 125, "--policy"},
          {"ReportOverTheProgram",
           {"run", "--json", "./not-executable", "--", "./not-executable"},
           125,
           "is read"},
          {"OptionWithoutValue", with({"--json"}), 125, "--json"},
          {"OptionGivenTwice", with({"--json", "a", "--json", "b"}), 125, "--json"},
          {"TwoCommands", {"run", "record", "--", "touch", "marker"}, 125, "record"},
          {"ReportInNoFolder", with({"--json", "nowhere/report"}), 125, "nowhere/report"},
          {"SecondReportInNoFolder", with({"--json", "good", "--sarif", "nowhere/report"}), 125,
           "nowhere/report"},
          {"ReportIsADirectory", with({"--junit", "folder"}), 125, "folder"},
          {"ConsoleReportInNoFolder", with({"--output", "nowhere/report"}), 125, "nowhere/report"},
          {"RecordingInNoFolder", with({"--recording", "nowhere/trace"}), 125, "nowhere/trace"},
          {"RecordInNoFolder", {"record", "-o", "nowhere/t", "--", "touch", "marker"}, 125, "nowhere/t"},
          {"RecordNowhere", {"record", "--", "touch", "marker"}, 125, "--output"},
          {"TwoReportsToOneFile", with({"--json", "same", "--junit", "same"}), 125, "same"},
          {"TwoReportsToOneFileSpeltTwice", with({"--json", "same", "--junit", "./same"}), 125, "same"},
          {"ReportAndRecordingToOneFile", with({"--json", "same", "--recording", "same"}), 125, "same"},
          {"RecordToStandardOutput", {"record", "-o", "-", "--", "touch", "marker"}, 125, "standard output"},
          {"RecordingToStandardOutput", with({"--recording", "-"}), 125, "standard output"},
          {"BaselineToStandardOutput", {"baseline", "update", "-", "r.lgrec"}, 125, "standard output"},
          {"TwoReportsToStandardOutput", with({"--json", "-", "--sarif", "-"}), 125, "standard output"},
          {"BytesNotANumber", with({"--max-leaked-bytes", "many"}), 125, "--max-leaked-bytes"},
          {"BytesWithAUnit", with({"--max-leaked-bytes", "1k"}), 125, "--max-leaked-bytes"},
          {"BytesNegative", with({"--max-leaked-bytes", "-1"}), 125, "--max-leaked-bytes"},
          {"BytesTooMany", with({"--max-leaked-bytes", "99999999999999999999"}), 125, "--max-leaked-bytes"},
          {"BlocksNegative", with({"--max-leaked-blocks", "-1"}), 125, "--max-leaked-blocks"},
          {"SizeNegative", with({"--min-size", "-1"}), 125, "--min-size"},
          {"AgeNegative", with({"--min-age", "-1"}), 125, "--min-age"},
          {"ConfidenceOverOne", with({"--min-confidence", "1.1"}), 125, "--min-confidence"},
          {"ConfidenceNotANumber", with({"--min-confidence", "high"}), 125, "--min-confidence"},
          {"GrowthOfNoPattern", with({"--growth-fail", "linear,steady"}), 125, "steady"},
          {"GrowthOfTooFewRounds", with({"--growth-min-rounds", "3"}), 125, "--growth-min-rounds"},
          {"GrowthNegative", with({"--growth-min-bytes", "-1"}), 125, "--growth-min-bytes"},
          {"NoRetries", with({"--retry-suspects", "0"}), 125, "--retry-suspects"},
          {"AgeNotANumber", with({"--min-age", "nan"}), 125, "--min-age"},
          {"TimeLimitZero", with({"--timeout", "0"}), 125, "--timeout"},
          {"TimeLimitNotANumber", with({"--timeout", "nan"}), 125, "--timeout"},
          {"TimeLimitBeyondReason", with({"--timeout", "1e300"}), 125, "--timeout"},
          {"WaitNegative", with({"--wait", "-1"}), 125, "--wait"},
          {"WaitNotANumber", with({"--wait", "nan"}), 125, "--wait"},
          {"LeakStatusZero", with({"--leak-exit-code", "0"}), 125, "--leak-exit-code"},
          {"LeakStatusOfOurOwn", with({"--leak-exit-code", "125"}), 125, "--leak-exit-code"},
          {"LeakStatusTooHigh", with({"--leak-exit-code", "256"}), 125, "--leak-exit-code"},
          {"RingNotAPowerOfTwo", with({"--ring-bytes", "5000"}), 125, "--ring-bytes"},
          {"RingTooSmall", with({"--ring-bytes", "1"}), 125, "--ring-bytes"},
          {"NoLiveBlocks", with({"--max-live-blocks", "0"}), 125, "--max-live-blocks"},
          {"NoStacks", with({"--max-stacks", "none"}), 125, "--max-stacks"},
          {"NoProcesses", with({"--max-processes", "0"}), 125, "--max-processes"},
          {"UnknownBackend", with({"--backend", "gdb"}), 125, "--backend"},
          {"UnknownUnwinder", with({"--unwind", "bogus"}), 125, "--unwind"},
          {"UnwinderByNumber", with({"--unwind", "2"}), 125, "--unwind"},
          {"UnknownIsolation", with({"--isolation", "maybe"}), 125, "--isolation"},
          {"UnknownIfUnsupported", with({"--if-unsupported", "explode"}), 125, "--if-unsupported"},
          {"PathMapWithoutTo", with({"--path-map", "from"}), 125, "--path-map"},
          {"JudgeNothing", {"judge"}, 125, "no recording was given"},
          {"JudgeACommand", {"judge", "trace", "--", "touch", "marker"}, 125, "touch"},
          {"DoctorWithACommand", {"doctor", "--", "touch", "marker"}, 125, "touch"},
          {"DoctorWithAnArgument", {"doctor", "patient"}, 125, "patient"}};
}

TEST_F(Cli, AMisspeltCommandIsAnsweredWithTheOneThatItIsCloseTo) {
  EXPECT_THAT(leakgate({"runn"}).err, testing::HasSubstr("hint: did you mean run?"));
  EXPECT_THAT(leakgate({"calibarte"}).err, testing::HasSubstr("hint: did you mean calibrate?"));
  EXPECT_THAT(leakgate({"frobnicate"}).err, testing::HasSubstr("hint: leakgate --help"));
}

const auto name_of = [](const auto& use) { return std::string(use.param.name); };
INSTANTIATE_TEST_SUITE_P(Commands, BadUsage, testing::ValuesIn(bad_commands()), name_of);
INSTANTIATE_TEST_SUITE_P(Options, BadUsage, testing::ValuesIn(bad_options()), name_of);

class Unprivileged : public Cli {
 protected:
  ProgramResult run(const std::vector<std::string>& arguments) {
    make_room_for_nobody();
    before_ = files();
    // by itself it would take the backend that needs no privilege
    std::vector<std::string> given = arguments;
    if (given.front() != "doctor") given.insert(given.begin() + 1, {"--backend", "ebpf"});
    return leakgate_as_nobody(given);
  }
  std::set<std::string> before_;
};

TEST_F(Unprivileged, RunIsRefusedBeforeTheCommandRuns) {
  const std::vector<std::string> arguments = {"run", "--json", "a", "--junit", "b", "--", "touch", "marker"};
  expect_refusal(run(arguments), 125, "");
  EXPECT_EQ(files(), before_);
}

TEST_F(Unprivileged, RecordIsRefusedBeforeTheCommandRuns) {
  expect_refusal(run({"record", "-o", "trace", "--", "touch", "marker"}), 125, "");
  EXPECT_EQ(files(), before_);
}

TEST_F(Unprivileged, SkipsOnlyWhenAsked) {
  const ProgramResult skipped = run({"run", "--if-unsupported=skip", "--", "touch", "marker"});
  EXPECT_EQ(skipped.status(), 77) << skipped.err;
  EXPECT_THAT(skipped.err, testing::HasSubstr("leakgate: skipped: the command was not run"));
  EXPECT_EQ(files(), before_);
}

TEST_F(Unprivileged, ASkipIsNoExcuseForACommandThatDoesNotExist) {
  expect_refusal(run({"run", "--if-unsupported=skip", "--", "no-such-command"}), 127, "no-such-command");
}

TEST_F(Unprivileged, ReportsThatCannotBeWrittenAreFoundOutAllTheSame) {
  expect_refusal(run({"run", "--if-unsupported=skip", "--json", "nowhere/x", "--", "touch", "marker"}), 125,
                 "nowhere/x");
}

TEST_F(Unprivileged, DoctorSaysWhatToDo) {
  const ProgramResult told = run({"doctor"});
  EXPECT_EQ(told.status(), 125);
  EXPECT_THAT(told.out, testing::HasSubstr("tracing does not work here"));
  EXPECT_THAT(told.out, testing::HasSubstr("run under sudo, or give the file its capabilities"));
}

}  // namespace
}  // namespace leakgate::live

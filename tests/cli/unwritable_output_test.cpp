// SPDX-License-Identifier: Apache-2.0
// Standard output and standard error that are closed or full: the exit status still tells what happened.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "tests/cli/cli_run.h"

namespace leakgate::live {
namespace {

constexpr int kOut = 1, kErr = 2;

class UnwritableOutput : public Cli {
 protected:
  ProgramResult with_full(int fd, std::vector<std::string> arguments) {
    return leakgate(std::move(arguments), [fd] { dup2(open("/dev/full", O_WRONLY), fd); });
  }
  ProgramResult with_closed(std::vector<int> descriptors, std::vector<std::string> arguments) {
    return leakgate(std::move(arguments), [descriptors] {
      for (const int fd : descriptors)
        close(fd);
    });
  }
  static std::string golden(const std::string& name) {
    return std::string(LEAKGATE_GOLDEN) + "/" + name + "/recording.lgrec";
  }
};

TEST_F(UnwritableOutput, WhatWasAskedForAndGotLostIsAFailure) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"},
                                                    {"--version"},
                                                    {"judge", "--print-policy"},
                                                    {"judge", golden("clean")}}) {
    const ProgramResult result = with_full(kOut, arguments);
    EXPECT_EQ(result.status(), 125) << arguments.front();
    EXPECT_THAT(result.err, testing::HasSubstr("cannot write")) << arguments.front();
  }
}

TEST_F(UnwritableOutput, RefusalsKeepTheirStatus) {
  for (const auto& [arguments, status] : std::initializer_list<std::pair<std::vector<std::string>, int>>{
           {{"run", "--bogus"}, 125},
           {{"judge", "no-such-file"}, 125},
           {{"run", "--", "/no/such/command"}, 127},
           {{"run", "--", "/"}, 126}}) {
    EXPECT_EQ(with_full(kErr, arguments).status(), status) << arguments.back();
    EXPECT_EQ(with_closed({kErr}, arguments).status(), status) << arguments.back();
    EXPECT_EQ(with_closed({0, kOut, kErr}, arguments).status(), status) << arguments.back();
  }
}

/// A report for standard output is not taken for written where that is closed; who wants none may close it.
TEST_F(UnwritableOutput, AReportForAClosedStandardOutputIsAFailure) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"judge", golden("clean")},
        {"judge", golden("clean"), "--json", "-", "--output", "console"},
        {"run", "--json", "-", "--", "/bin/true"},
        {"baseline", "show", "b.json"}}) {
    write_file(scratch_ / "b.json", R"({"schema": "leakgate-baseline/1", "entries": []})");
    const ProgramResult result = with_closed({kOut}, arguments);
    EXPECT_EQ(result.status(), 125) << arguments.front() << result.err;
    EXPECT_THAT(result.err, testing::HasSubstr("standard output")) << arguments.front();
  }
  EXPECT_EQ(with_closed({kOut}, {"judge", golden("clean"), "--output", "console"}).status(), 0);
}

/// The signal that says so would end leakgate without a word.
/// As where `head` has read enough: the other reports are still wanted.
TEST_F(UnwritableOutput, AReaderThatIsGoneTakesNoOtherReportAway) {
  const auto with_reader_gone = [&](int fd, std::vector<std::string> arguments) {
    return leakgate(std::move(arguments), [fd] {
      int ends[2];
      if (pipe(ends) != 0) return;
      dup2(ends[1], fd);
      close(ends[0]);
      signal(SIGPIPE, SIG_DFL);
    });
  };
  const auto result =
      with_reader_gone(kOut, {"judge", golden("leaks"), "--json", "-", "--junit", "j.xml", "-o", "o.txt"});
  EXPECT_EQ(result.status(), 125);
  EXPECT_THAT(result.err, testing::HasSubstr("cannot write standard output: Broken pipe"));
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "o.txt")) << "what was found is told all the same";
  EXPECT_EQ(with_reader_gone(kErr, {"judge", golden("stripped"), "--json", "j.json"}).status(), 23)
      << "nothing is written there";
  EXPECT_EQ(with_reader_gone(kErr, {"run", "--json", "j.json", "--", "/bin/true"}).status(), 125);
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "j.json"));
}

TEST_F(UnwritableOutput, AReportOverTheLimitOfFileSizesIsAFailure) {
  const ProgramResult result = leakgate({"judge", golden("stripped"), "--json", "r.json"}, [] {
    const rlimit limit{1024, 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
  });
  EXPECT_EQ(result.status(), 125);
  EXPECT_THAT(result.err, testing::HasSubstr("r.json"));
  EXPECT_THAT(result.err, testing::HasSubstr("ulimit -f"));
  EXPECT_EQ(files(), std::set<std::string>());
}

/// A file that leakgate opens must not get the number of standard output.
TEST_F(UnwritableOutput, WhatIsMeantForAClosedStreamLandsInNoFile) {
  const ProgramResult result =
      with_closed({0, kOut, kErr}, {"judge", golden("stripped"), "--json", "r.json"});
  EXPECT_EQ(result.status(), 125) << "as where it is full";
  EXPECT_TRUE(nlohmann::json::accept(read_file(scratch_ / "r.json")));
}

}  // namespace
}  // namespace leakgate::live

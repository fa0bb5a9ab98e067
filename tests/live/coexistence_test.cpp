// SPDX-License-Identifier: Apache-2.0
// Others who look at the target while it is traced: strace, gdb, the target itself by ptrace, a sanitizer it
// is built with. Each works as it does without leakgate, and the trace is whole.
#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Coexistence : public Live {
 protected:
  bool is_installed(const std::string& tool) {
    return run_program(scratch_, {.argv = {tool, "--version"}}).status() == 0;
  }

  /// Traces a program that waits, lets `look` look at its process, and gives the result.
  Traced look_at(const std::function<void(const std::string& pid)>& look) {
    const auto json = scratch_ / "result.json";
    const TraceRequest request{.command = {program_path("live_traced_by_others"), scratch_ / "go"},
                               .options = kUnclassified};
    Program leakgate(scratch_, {.argv = leakgate_arguments(request, json)});
    EXPECT_TRUE(
        wait_until(std::chrono::seconds(60), [&] { return leakgate.output().starts_with("ready "); }));
    std::istringstream words(leakgate.output());
    std::string ready;
    std::string pid;
    words >> ready >> pid;
    look(pid);
    write_file(scratch_ / "go", "");
    Traced traced{leakgate.wait(), nlohmann::json::parse(read_file(json), nullptr, false)};
    EXPECT_EQ(traced.program.status(), 5) << traced.program.err;
    EXPECT_EQ(traced.program.out, "ready " + pid + "\ndone\n");
    return traced;
  }

  static void expect_the_leak(const Traced& traced) {
    expect_whole(traced);
    EXPECT_THAT(leak_rows(traced),
                ElementsAre(row(0, "live_traced_by_others", "traced_by_others.c", "malloc(250)", 1, 250)));
  }
};

TEST_F(Coexistence, StraceStartsTheTarget) {
  if (!is_installed("strace")) GTEST_SKIP() << "strace is not installed";
  const std::string program = program_path("live_exit_direct");
  const auto calls_of = [&](const std::filesystem::path& log) {
    std::vector<std::string> calls;
    std::istringstream lines(read_file(log));
    for (std::string line; std::getline(lines, line);) {
      const std::string call = line.substr(0, line.find('('));
      // how a return probe gets into the kernel since 6.11; an older strace knows it by its number
      if (call != "uretprobe" && call != "syscall_0x14f") calls.push_back(call);
    }
    return calls;
  };
  const ProgramResult native =
      run_program(scratch_, {.argv = {"strace", "-o", scratch_ / "native", program}});
  const Traced traced =
      trace(scratch_, {.command = {"strace", "-o", scratch_ / "traced", program}, .options = kUnclassified});
  EXPECT_EQ(traced.program.status(), native.status());
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["complete"], true) << traced.result["run"].dump(1);
  EXPECT_EQ(calls_of(scratch_ / "traced"), calls_of(scratch_ / "native"));
  EXPECT_THAT(leak_rows(traced),
              testing::Contains(row(1, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160)));
}

TEST_F(Coexistence, StraceAttachesToTheTarget) {
  if (!is_installed("strace")) GTEST_SKIP() << "strace is not installed";
  std::string log;
  const Traced traced = look_at([&](const std::string& pid) {
    run_program(scratch_,
                {.argv = {"timeout", "-s", "INT", "2", "strace", "-o", scratch_ / "log", "-p", pid}});
    log = read_file(scratch_ / "log");
  });
  EXPECT_THAT(log, HasSubstr("nanosleep("));
  EXPECT_THAT(log, HasSubstr("access("));
  expect_the_leak(traced);
}

TEST_F(Coexistence, GdbAttachesToTheTarget) {
  if (!is_installed("gdb")) GTEST_SKIP() << "gdb is not installed";
  std::string said;
  const Traced traced = look_at([&](const std::string& pid) {
    said = run_program(scratch_, {.argv = {"gdb", "-nx", "-batch", "-ex", "break allocates", "-ex",
                                           "continue", "-ex", "backtrace", "-ex", "finish", "-ex",
                                           "print 6*7", "-ex", "delete", "-ex", "detach", "-p", pid}})
               .out;
  });
  EXPECT_THAT(said, HasSubstr("allocates ()"));
  EXPECT_THAT(said, HasSubstr("= 42"));
  EXPECT_THAT(said, testing::ContainsRegex("#1 .* in main "));
  expect_the_leak(traced);
}

TEST_F(Coexistence, GdbStartsTheTargetAndBreaksInMalloc) {
  if (!is_installed("gdb")) GTEST_SKIP() << "gdb is not installed";
  const Traced traced = trace(
      scratch_,
      {.command = {"gdb", "-nx", "-batch", "-ex", "break main", "-ex", "run", "-ex", "break malloc", "-ex",
                   "continue", "-ex", "delete", "-ex", "continue", program_path("live_exit_direct")},
       .options = kUnclassified});
  EXPECT_THAT(traced.program.out, testing::ContainsRegex("Breakpoint 2.*malloc"));
  EXPECT_THAT(traced.program.out, HasSubstr("exited with code 07"));
  EXPECT_THAT(leak_rows(traced), testing::Contains(testing::HasSubstr(" live_exit_direct exit_direct.c:")));
}

TEST_F(Coexistence, TheTargetMayTraceItsOwnChildren) {
  const ProgramResult native = run_program(scratch_, {.argv = {program_path("live_ptraces")}});
  const Traced traced = trace_program(scratch_, "live_ptraces", {}, kUnclassified);
  EXPECT_THAT(native.out, HasSubstr("child exited with 7"));
  EXPECT_EQ(traced.program.out, native.out);
  expect_whole(traced);
  EXPECT_THAT(leak_rows(traced),
              testing::UnorderedElementsAre(row(0, "live_ptraces", "ptraces.c", "malloc(240)", 1, 240),
                                            row(1, "(outside tests)", "ptraces.c", "malloc(241)", 1, 241)));
}

class Sanitizers : public Coexistence, public testing::WithParamInterface<const char*> {};

TEST_P(Sanitizers, WorkAsTheyDoAlone) {
  const std::string name = std::string("live_sanitized_") + GetParam();
  const std::string program = program_path(name);
  const ProgramResult native = run_program(scratch_, {.argv = {program}});
  const Traced traced =
      trace(scratch_,
            {.command = {program}, .options = {"--judged-moments", "none", "--output", scratch_ / "report"}});
  EXPECT_EQ(traced.program.out, "worked\n");
  EXPECT_EQ(traced.program.status(), native.status()) << traced.program.err;
  expect_whole(traced);
  EXPECT_THAT(leak_rows(traced),
              testing::UnorderedElementsAre(row(0, name, "sanitized.cpp", "::operator new(260)", 1, 260),
                                            row(0, name, "sanitized.cpp", "std::malloc(261)", 1, 261)));
  const bool has_allocator = std::string_view(GetParam()) != "undefined";
  const std::string report = read_file(scratch_ / "report");
  EXPECT_EQ(report.find("Sanitizer: its own reports work") != std::string::npos, has_allocator) << report;
  const bool hides_copies = std::string_view(GetParam()) == "address";
  EXPECT_EQ(report.find("strdup copies is not counted") != std::string::npos, hides_copies) << report;
}

TEST_P(Sanitizers, ReportTheErrorsTheyReportAlone) {
  const std::string program = program_path(std::string("live_sanitized_") + GetParam());
  // without process ids and addresses, which differ from run to run
  const auto verdict_of = [](const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("SUMMARY:"))
        lines.push_back(line.substr(0, line.find(" /")));  // which side of a race is named is chance
      else if (line.find("runtime error:") != std::string::npos)
        lines.push_back(line);
    return lines;
  };
  const ProgramResult native = run_program(scratch_, {.argv = {program, "bug"}});
  const Traced traced =
      trace(scratch_, {.command = {program, "bug"},
                       .options = {"--judged-moments", "none", "--output", scratch_ / "report"}});
  EXPECT_EQ(traced.program.status(), native.status());
  EXPECT_EQ(traced.program.out, native.out);
  EXPECT_FALSE(verdict_of(native.err).empty()) << native.err;
  EXPECT_EQ(verdict_of(traced.program.err), verdict_of(native.err));
}

INSTANTIATE_TEST_SUITE_P(Targets, Sanitizers, testing::Values("address", "thread", "undefined"),
                         [](const auto& parameter) { return std::string(parameter.param); });

}  // namespace
}  // namespace leakgate::live

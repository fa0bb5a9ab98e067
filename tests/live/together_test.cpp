// SPDX-License-Identifier: Apache-2.0
// leakgate among others: two gates at the same time, the machine's own C library instead of a private copy,
// and ctest as the command, with several test binaries side by side.
#include <gmock/gmock.h>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;

class Together : public Live, public testing::WithParamInterface<const char*> {
 protected:
  [[nodiscard]] std::vector<std::string> isolation() const { return {"--isolation", GetParam()}; }
  static std::vector<std::string> fork_exec_rows(int depth) {
    return {row(depth, "live_fork_exec", "fork_exec.c", "malloc(110)", 1, 110),
            row(depth + 1, "live_fork_exec", "fork_exec.c", "malloc(111)", 1, 111)};
  }
};

/// The system's dynamic linker runs a program that is not the system's.
TEST_F(Live, AProgramThatTheDynamicLinkerStartsIsJudged) {
  const std::string loader = "/lib64/ld-linux-x86-64.so.2";
  if (!std::filesystem::exists(loader)) GTEST_SKIP() << "another C library's machine";
  // beside a program that is nobody's but the user's, those of the system are not judged
  const std::string script =
      program_path("live_clean") + "; " + loader + " " + program_path("live_exit_direct") + "; exit 0";
  const Traced traced = trace(scratch_, {.command = {"/bin/sh", "-c", script}});
  expect_whole(traced);
  EXPECT_EQ(traced.result["summary"]["leaked_bytes"], 160) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 23);
}

/// What kernels before 6.6 have: one link for each probe.
TEST_F(Live, SingleLinksSeeWhatOneLinkForAllSees) {
  for (const char* const program : {"live_malloc_family", "live_mix_jemalloc", "live_gtest_mixed"}) {
    if (!std::filesystem::exists(program_path(program))) continue;
    SCOPED_TRACE(program);
    const Traced single =
        trace_program(scratch_, program, {}, {"--judged-moments", "none", "--probe-links", "single"});
    const Traced multi =
        trace_program(scratch_, program, {}, {"--judged-moments", "none", "--probe-links", "multi"});
    expect_whole(single);
    EXPECT_EQ(leak_rows(single), leak_rows(multi));
    EXPECT_FALSE(leak_rows(single).empty());
    EXPECT_EQ(test_outcomes(single), test_outcomes(multi));
    EXPECT_EQ(single.program.status(), multi.program.status());
    EXPECT_EQ(single.result["tracer"]["allocations"], multi.result["tracer"]["allocations"]);
  }
}

TEST_P(Together, ATestBinaryIsJudgedTheSame) {
  const Traced traced =
      trace_program(scratch_, "live_gtest_outside", {"--gtest_filter=Inside.Leaks"}, isolation());
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_EQ(traced.result["summary"]["leaked_bytes"], 250 + 251 + 252 + 253 + 254);
}

TEST_P(Together, TwoGatesAtOnceDoNotMix) {
  const TraceRequest first{.command = {program_path("live_threads_64")}, .options = isolation()};
  const TraceRequest second{.command = {program_path("live_fork_exec")}, .options = isolation()};
  Program one(scratch_, {.argv = leakgate_arguments(first, scratch_ / "one.json")});
  Program other(scratch_, {.argv = leakgate_arguments(second, scratch_ / "other.json")});
  const auto finish = [&](Program& program, const std::filesystem::path& json) {
    Traced traced{program.wait(), nlohmann::json::parse(read_file(json), nullptr, false)};
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
    return traced;
  };
  EXPECT_THAT(leak_rows(finish(one, scratch_ / "one.json")),
              UnorderedElementsAre(
                  row(0, "live_threads_64", "threads_64.cpp", "block = std::malloc(32)", 640, 20480)));
  EXPECT_THAT(leak_rows(finish(other, scratch_ / "other.json")),
              UnorderedElementsAreArray(fork_exec_rows(0)));
}

TEST_P(Together, CtestIsARunnerWhoseTestsAreJudged) {
  write_file(scratch_ / "CTestTestfile.cmake",
             "add_test(clean \"" + program_path("live_clean") + "\")\n" +          //
                 "add_test(forks \"" + program_path("live_fork_exec") + "\")\n" +  //
                 "add_test(tests \"" + program_path("live_gtest_mixed") +
                 "\" --gtest_filter=Outcome.PassesAndLeaks:Outcome.PassesClean)\n");
  const Traced traced = trace(scratch_, {.command = {LEAKGATE_CTEST, "-j2"},
                                         .options = isolation(),
                                         .process = {.directory = scratch_.path()}});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  auto expected = fork_exec_rows(1);
  expected.push_back(
      row(1, "Outcome.PassesAndLeaks", "gtest_mixed.cpp", "live_keep(std::malloc(bytes))", 1, 240));
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAreArray(expected));
  EXPECT_THAT(test_outcomes(traced),
              testing::IsSupersetOf({"live_clean passed clean", "Outcome.PassesClean passed clean"}));
}

INSTANTIATE_TEST_SUITE_P(Isolation, Together, testing::Values("auto", "off"),
                         [](const auto& isolation) { return std::string(isolation.param); });

}  // namespace
}  // namespace leakgate::live

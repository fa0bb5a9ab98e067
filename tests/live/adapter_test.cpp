// SPDX-License-Identifier: Apache-2.0
// Programs with an adapter in them: what leakgate answers while they run, what becomes of their tests, and
// what its reports say afterwards.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class Adapter : public Live {
 protected:
  Traced run(std::string_view name, int status, std::vector<std::string> arguments = {}) {
    Traced traced = run_any(name, status, std::move(arguments));
    expect_whole(traced);
    return traced;
  }
  /// Where stacks may be incomplete.
  Traced run_any(std::string_view name, int status, std::vector<std::string> arguments = {}) {
    Traced traced = trace_program(scratch_, name, std::move(arguments));
    // a test that prints what GoogleTest says of a skip is taken for skipped itself
    std::string& out = traced.program.out;
    for (auto at = out.find("[  SKIPPED ]"); at != std::string::npos; at = out.find("[  SKIPPED ]"))
      out.replace(at, 12, "[  skipped ]");
    EXPECT_EQ(traced.program.status(), status) << out << traced.program.err;
    return traced;
  }
  /// Without leakgate: as a file of its own, since the probes of an earlier run may not be gone yet.
  ProgramResult alone(std::string_view name, std::vector<std::string> arguments = {}) {
    const std::filesystem::path copy = scratch_ / name;
    std::filesystem::copy_file(program_path(name), copy);
    arguments.insert(arguments.begin(), copy);
    return run_program(scratch_, {.argv = std::move(arguments)});
  }
};

/// "TEST SECTION BLOCKS/BYTES" of each failing leak, those with the same words added up.
std::vector<std::string> leaks_of(const Traced& traced) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> sums;
  for (const auto& leak : traced.result["leaks"]) {
    if (leak["verdict"] != "fail") continue;
    auto& sum = sums[leak["test"].get<std::string>() + " [" + leak.value("section", "") + "]"];
    sum.first += leak["blocks"].get<std::uint64_t>();
    sum.second += leak["bytes"].get<std::uint64_t>();
  }
  std::vector<std::string> rows;
  for (const auto& [words, sum] : sums)
    rows.push_back(words + " " + std::to_string(sum.first) + "/" + std::to_string(sum.second));
  return rows;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST_F(Adapter, WithoutLeakgateNothingIsThere) {
  const ProgramResult result = alone("live_asks", {"leaks"});
  EXPECT_EQ(result.status(), 0);
  EXPECT_EQ(result.out, "present 0\nleaks 0 0 0 0\nreachable 0\n");
}

TEST_F(Adapter, CleanScopeIsAnsweredWithNothing) {
  EXPECT_EQ(run("live_asks", 0, {"clean"}).program.out, "present 1\nclean 0 0 0 0\n");
}

TEST_F(Adapter, LeakingScopeIsTold) {
  const Traced traced = run("live_asks", 23, {"leaks"});
  const std::string& told = traced.program.out;
  EXPECT_TRUE(has_line(told, "leaks 2 2 500 3")) << told;
  EXPECT_TRUE(has_line(told, "leakgate: 500 bytes in 3 blocks leaked")) << told;
  EXPECT_THAT(told, HasSubstr("  400 bytes in 2 blocks definitely lost, allocated by calloc at "));
  EXPECT_THAT(told, HasSubstr("asks.c:" + std::to_string(line_of("asks.c", "leak(200);"))));
  EXPECT_THAT(told, HasSubstr(" in leak, section \"leaky\"\n"));
  EXPECT_TRUE(has_line(told, "reachable 300")) << told;
  EXPECT_THAT(leaks_of(traced), ElementsAre("live_asks [leaky] 3/500"));
}

TEST_F(Adapter, ScopesNest) {
  const Traced traced = run("live_asks", 23, {"nested"});
  for (const char* line : {"inner 2 1 33 1", "outer 2 2 55 2", "outer-own 2 1 22 1", "ended 0 0 0 0"})
    EXPECT_TRUE(has_line(traced.program.out, line)) << line << "\n" << traced.program.out;
  EXPECT_THAT(leaks_of(traced), UnorderedElementsAre("live_asks [] 1/11", "live_asks [outer] 1/22",
                                                     "live_asks [outer / inner] 1/33"));
}

TEST_F(Adapter, ForkedChildHasScopesOfItsOwn) {
  const Traced traced = run("live_asks", 23, {"fork"});
  EXPECT_TRUE(has_line(traced.program.out, "leaks 2 2 500 3")) << traced.program.out;
  EXPECT_EQ(traced.result["summary"]["leaked_bytes"], 500);
}

/// A thread that waits in the kernel for its answer cannot be held still for another one's: they take turns.
TEST_F(Adapter, ThreadsAskOneAfterAnother) {
  const Traced traced = run("live_asks_threads", 23);
  EXPECT_EQ(traced.program.out, "told 30, unknown 0\n");
  EXPECT_EQ(traced.result["summary"]["leaked_bytes"], 30 * 48);
}

/// Two threads open and close scopes all the time.
TEST_F(Adapter, QuestionIsAnsweredWhileOtherThreadsScopesComeAndGo) {
  // its threads do nothing but open and close: the default ring is full when leakgate stands still for a
  // second
  const Traced traced =
      trace_program(scratch_, "live_asks_threads", {"scopes"}, {"--ring-bytes", "134217728"});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 23) << traced.program.err;
  EXPECT_EQ(traced.program.out, "told 40, unknown 0\n");
  EXPECT_EQ(traced.result["summary"]["leaked_bytes"], 40 * 48);
}

/// A worker of a pool, say: what it makes is the earlier test's, but for what it makes in a scope of its own.
TEST_F(Adapter, ThreadOfAnEarlierTestAsksInAScopeOfItsOwn) {
  const Traced traced = run("live_asks_threads", 23, {"later"});
  EXPECT_EQ(traced.program.out, "told 1, unknown 0\n");
  EXPECT_THAT(leaks_of(traced), ElementsAre("Own.first [] 1/100", "Own.second [asker] 1/48"));
}

/// Kernels before 6.6 have a link for each probe.
TEST_F(Adapter, SingleLinksDo) {
  const Traced traced = trace_program(scratch_, "live_asks", {"leaks"}, {"--probe-links", "single"});
  EXPECT_TRUE(has_line(traced.program.out, "leaks 2 2 500 3")) << traced.program.out;
}

TEST_F(Adapter, TestsOfAnUnknownFrameworkAreSeen) {
  for (const char* const how : {"tests", "unknown-framework"}) {
    const Traced traced = run("live_asks", 23, {how});
    EXPECT_TRUE(has_line(traced.program.out, "first 0 0 0 0")) << traced.program.out;
    EXPECT_TRUE(has_line(traced.program.out, "second 2 1 44 1")) << traced.program.out;
    EXPECT_THAT(test_outcomes(traced), ElementsAre("Own.first passed clean", "Own.second failed leak"));
    EXPECT_THAT(leaks_of(traced), ElementsAre("Own.second [] 1/44"));
  }
}

TEST_F(Adapter, IgnoredBlocksAndWhatTheyLeadToAreNoLeaks) {
  EXPECT_THAT(leaks_of(run("live_asks", 23, {"ignored"})), ElementsAre("live_asks [] 1/90"));
}

TEST_F(Adapter, IgnoredBlocksAreNoLeaksWhereNothingIsClassified) {
  const Traced traced = trace_program(scratch_, "live_asks", {"ignored"}, {"--judged-moments", "none"});
  EXPECT_THAT(leaks_of(traced), ElementsAre("live_asks [] 2/590"));  // nobody knows what they lead to
}

TEST_F(Adapter, AcceptedScopesAreInNoReport) {
  EXPECT_THAT(leaks_of(run("live_asks", 23, {"accepted"})), ElementsAre("live_asks [not meant] 1/61"));
}

TEST_F(Adapter, SnapshotsShowGrowthByKind) {
  const std::string told = run("live_asks", 23, {"snapshots"}).program.out;
  EXPECT_TRUE(has_line(told, "kind 0 700")) << told;
  EXPECT_TRUE(has_line(told, "kind 3 800")) << told;
}

TEST_F(Adapter, AskingInVainCostsMicroseconds) {
  const std::string told = run("live_asks", 0, {"cost"}).program.out;
  const auto at = told.find("us ");
  ASSERT_NE(at, std::string::npos) << told;
  EXPECT_LT(std::strtod(told.c_str() + at + 3, nullptr), 100) << told;
}

/// The process asks for ever; leakgate is killed in between. What it writes then comes from nobody's help.
TEST_F(Adapter, AProcessThatAsksOutlivesLeakgate) {
  const auto json = scratch_ / "result.json";
  TraceRequest request{.command = {program_path("live_asks"), "many", "2000"}};
  Program program(scratch_,
                  {.argv = leakgate_arguments(request, json), .time_limit = std::chrono::seconds(300)});
  ASSERT_TRUE(wait_until(std::chrono::seconds(120),
                         [&] { return program.output().find("asked once") != std::string::npos; }));
  ASSERT_EQ(::kill(program.pid(), SIGKILL), 0);
  EXPECT_TRUE(wait_until(std::chrono::seconds(120), [&] {
    return program.output().find("asked all") != std::string::npos;
  })) << program.output();
  EXPECT_EQ(program.wait().signal, SIGKILL);
}

const std::vector<std::string> kMixedLeaks = {
    "Numbers/Param.Leaks/1 [] 1/244", "Outcome.FailsAndLeaks [] 1/241", "Outcome.PassesAndLeaks [] 1/240",
    "Outcome.SkipsAndLeaks [] 1/242", "Typed/1.Leaks [] 1/8"};

const std::vector<std::string> kMixedOutcomes = {
    "Outcome.PassesAndLeaks failed leak", "Outcome.FailsAndLeaks failed leak",
    "Outcome.SkipsAndLeaks failed leak",  "Outcome.PassesClean passed clean",
    "Outcome.SkipsClean skipped clean",   "Typed/0.Leaks passed clean",
    "Typed/1.Leaks failed leak",          "LateFree.Allocates passed clean",
    "LateFree.Frees passed clean",        "Numbers/Param.Leaks/0 passed clean",
    "Numbers/Param.Leaks/1 failed leak",  "Numbers/Param.Leaks/2 passed clean"};

TEST_F(Adapter, GoogleTestFailsWhatLeaks) {
  const Traced traced = run("live_listener_mixed", 1);
  EXPECT_EQ(leaks_of(traced), kMixedLeaks);
  EXPECT_EQ(test_outcomes(traced), kMixedOutcomes);
  const std::string& told = traced.program.out;
  EXPECT_THAT(told, HasSubstr("[  FAILED  ] Outcome.PassesAndLeaks ("));
  EXPECT_THAT(told, HasSubstr("[       OK ] Outcome.PassesClean ("));
  EXPECT_THAT(told, HasSubstr("gtest_mixed.cpp:" +
                              std::to_string(line_of("gtest_mixed.cpp", "TEST(Outcome, PassesAndLeaks)")) +
                              ": Failure"));
  EXPECT_THAT(told, HasSubstr("  240 bytes in 1 block definitely lost, allocated by malloc at "));
  EXPECT_THAT(told, Not(HasSubstr("testing::Test::Run"))) << "the framework's frames tell nobody anything";
}

TEST_F(Adapter, GoogleTestWithoutLeakgateIsAsEver) {
  const ProgramResult with = alone("live_listener_mixed", {"--gtest_print_time=0"});
  const ProgramResult without = alone("live_gtest_mixed", {"--gtest_print_time=0"});
  EXPECT_EQ(with.status(), without.status());
  EXPECT_EQ(with.out, without.out.substr(without.out.find('[')));  // GoogleTest's main says where it is from
}

TEST_F(Adapter, ListenerTellsOfTestsThatNoSymbolTellsOf) {
  const Traced traced = run_any("live_listener_mixed_stripped", 1);
  EXPECT_EQ(traced.result["run"]["complete"], true);
  EXPECT_EQ(leaks_of(traced), kMixedLeaks);
  EXPECT_EQ(test_outcomes(traced), kMixedOutcomes);
}

TEST_F(Adapter, RepeatedShuffledShardedTestsFailEachTime) {
  // Pointers to freed memory, LateFree's own and those in GoogleTest's list of the last round's messages, may
  // lead to where the next round's block lies: so one test that they do not concern is looked at.
  const Traced repeated = run("live_listener_mixed", 1, {"--gtest_repeat=2", "--gtest_filter=-LateFree.*"});
  EXPECT_EQ(repeated.result["summary"]["leaked_bytes"], 2 * 975);
  std::size_t failed = 0;
  for (const std::string& outcome : test_outcomes(repeated))
    failed += outcome == "Numbers/Param.Leaks/1 failed leak" ? 1 : 0;
  EXPECT_EQ(failed, 2u);
  EXPECT_EQ(leaks_of(run("live_listener_mixed", 1, {"--gtest_shuffle", "--gtest_random_seed=7"})),
            kMixedLeaks);
  Traced shard =
      trace(scratch_, {.command = {program_path("live_listener_mixed")},
                       .process = {.extra_environment = {"GTEST_TOTAL_SHARDS=2", "GTEST_SHARD_INDEX=1"}}});
  expect_whole(shard);
  EXPECT_THAT(shard.program.out, HasSubstr("[  FAILED  ] Outcome.FailsAndLeaks"));
  EXPECT_THAT(shard.program.out, Not(HasSubstr("Outcome.PassesAndLeaks")));
}

/// GoogleTest's own XML has the failures already: merging counts no test twice.
TEST_F(Adapter, MergedJunitCountsEachTestOnce) {
  const std::string own = scratch_ / "own.xml", merged = scratch_ / "merged.xml";
  const Traced traced = trace(scratch_, {.command = {program_path("live_listener_mixed"),
                                                     "--gtest_filter=Outcome.*", "--gtest_output=xml:" + own},
                                         .options = {"--junit", merged, "--merge-junit", own}});
  expect_whole(traced);
  const std::string text = read_file(merged);
  EXPECT_THAT(text, HasSubstr("<testsuite name=\"Outcome\" tests=\"6\" failures=\"3\""))
      << text.substr(0, 2000);
  EXPECT_THAT(read_file(own), HasSubstr("leakgate: 240 bytes in 1 block leaked"));
}

/// A program that crashes writes none.
TEST_F(Adapter, ReportsAreWrittenWithoutAnXmlThatIsNotThere) {
  const std::string merged = scratch_ / "merged.xml";
  const Traced traced =
      trace(scratch_, {.command = {program_path("live_listener_mixed"), "--gtest_filter=Outcome.*"},
                       .options = {"--junit", merged, "--merge-junit", scratch_ / "none.xml"}});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 1);
  EXPECT_THAT(traced.program.err, HasSubstr("none.xml was not written and is not merged"));
  EXPECT_THAT(read_file(merged), HasSubstr("name=\"PassesAndLeaks\""));
}

TEST_F(Adapter, FilteredCleanTestsPass) {
  run("live_listener_mixed", 0, {"--gtest_filter=Outcome.PassesClean:LateFree.*"});
}

TEST_F(Adapter, DeathTestsOfBothStylesAreLeftInPeace) {
  const Traced traced = run("live_listener_death", 1);
  EXPECT_THAT(leaks_of(traced),
              UnorderedElementsAre("DeathTest.LeaksAfterDeath [] 1/231", "Plain.Leaks [] 1/230"));
  EXPECT_THAT(test_outcomes(traced),
              ElementsAre("DeathTest.FastStyle passed clean", "DeathTest.ThreadsafeStyle passed clean",
                          "DeathTest.ExitsWithLeak passed clean", "DeathTest.LeaksAfterDeath failed leak",
                          "Plain.Leaks failed leak", "Plain.IsClean passed clean",
                          "Plain.IsCleanAfterAll passed clean"));
}

TEST_F(Adapter, FixturesSuitesExceptionsAndThreads) {
  const Traced traced = run("live_listener_suites", 1);
  EXPECT_THAT(leaks_of(traced),
              UnorderedElementsAre("Fixture.LeaksInSetUp [] 1/310", "Fixture.LeaksInBody [] 1/311",
                                   "Fixture.LeaksInTearDown [] 1/312", "(outside tests) [suite Suite] 2/641",
                                   "Other.ThrowsAndLeaks [] 1/330", "Other.ThreadLeaks [] 1/331"));
  EXPECT_THAT(
      test_outcomes(traced),
      ElementsAre("Fixture.LeaksInSetUp failed leak", "Fixture.LeaksInBody failed leak",
                  "Fixture.LeaksInTearDown failed leak", "Fixture.IsClean passed clean",
                  "Suite.First passed clean", "Suite.Second passed clean", "Other.ThrowsAndLeaks failed leak",
                  "Other.ThreadLeaks failed leak", "Other.Keeps passed allowed"));
  EXPECT_THAT(traced.program.out, HasSubstr("in the set-up or tear-down of suite Suite\n"));
}

const std::vector<std::string> kScopeFailures = {"no_leaks", "limit_exceeded"};

TEST_F(Adapter, ScopeAssertionsInGoogleTest) {
  const Traced traced = run("live_scopes_gtest", 1);
  EXPECT_THAT(
      leaks_of(traced),
      UnorderedElementsAre("Scopes.no_leaks [leak(410)] 1/410", "Scopes.limit_exceeded [leak(420)] 1/420",
                           "Scopes.expected_exceeded [expected leaks] 1/430",
                           "Scopes.figures [a scope] 1/440", "Scopes.tracked [tracked] 1/450"));
  for (const std::string& outcome : test_outcomes(traced)) {
    const std::string name = outcome.substr(7, outcome.find(' ') - 7);
    EXPECT_THAT(outcome, HasSubstr(testing::Value(kScopeFailures, Contains(name)) ? " failed " : " passed "));
  }
  EXPECT_THAT(traced.program.out, HasSubstr("this leaks: leak(410)\n"));
  EXPECT_THAT(traced.program.out, HasSubstr("this leaks more than 419u bytes: leak(420)\n"));
}

struct ScopesProgram {
  const char* name;
  int status;
};

class ScopeAdapter : public Adapter, public testing::WithParamInterface<ScopesProgram> {};

/// doctest and Boost.Test have no listener: their tests are seen from outside, and asserting works all the
/// same.
TEST_P(ScopeAdapter, AssertionsFailTheirTests) {
  if (!std::filesystem::exists(program_path(GetParam().name)))
    GTEST_SKIP() << "the framework is not installed";
  const Traced traced = run(GetParam().name, GetParam().status);
  EXPECT_THAT(leaks_of(traced),
              UnorderedElementsAre("no_leaks [leak(410)] 1/410", "limit_exceeded [leak(420)] 1/420",
                                   "expected_exceeded [expected leaks] 1/430", "figures [a scope] 1/440",
                                   "tracked [tracked] 1/450"));
  EXPECT_EQ(test_outcomes(traced).size(), 10u);
  for (const std::string& outcome : test_outcomes(traced)) {
    const std::string name = outcome.substr(0, outcome.find(' '));
    EXPECT_THAT(outcome, HasSubstr(testing::Value(kScopeFailures, Contains(name)) ? " failed " : " passed "));
  }
}

INSTANTIATE_TEST_SUITE_P(Frameworks, ScopeAdapter,
                         testing::Values(ScopesProgram{"live_scopes_catch2", 42},
                                         ScopesProgram{"live_scopes_doctest", 1},
                                         ScopesProgram{"live_scopes_boost", 201}),
                         [](const auto& program) { return std::string(program.param.name); });

/// lld lets segments share pages of the file, so the kernel cannot keep the counter.
TEST_F(Adapter, ProgramsThatLldLinkedAreAnsweredToo) {
  if (!std::filesystem::exists(program_path("live_asks_lld"))) GTEST_SKIP() << "lld is not installed";
  const std::string told = run("live_asks_lld", 23, {"leaks"}).program.out;
  EXPECT_TRUE(has_line(told, "leaks 2 2 500 3")) << told;
}

class Catch2Adapter : public Adapter, public testing::WithParamInterface<const char*> {};

TEST_P(Catch2Adapter, LeaksNameTheirSections) {
  if (!std::filesystem::exists(program_path(GetParam()))) GTEST_SKIP() << "built without Catch2 v2";
  Traced traced = trace_program(scratch_, GetParam());
  expect_whole(traced);
  EXPECT_THAT(leaks_of(traced), UnorderedElementsAre("sections [] 2/1024", "sections [outer / first] 1/510",
                                                     "sections [outer / second] 1/511", "plain [] 1/520",
                                                     "throws [inside] 1/530"));
  EXPECT_THAT(test_outcomes(traced), ElementsAre("sections passed leak", "plain passed leak",
                                                 "clean passed clean", "throws failed leak"));
  EXPECT_THAT(traced.program.err,
              HasSubstr(": test case \"plain\" leaks\nleakgate: 520 bytes in 1 block leaked\n"));
  EXPECT_THAT(traced.program.err, HasSubstr(", section \"outer / second\"\n"));
}

/// Catch2's own outcome cannot say it, so leakgate's exit status does.
TEST_P(Catch2Adapter, LeaksFailTheRun) {
  if (!std::filesystem::exists(program_path(GetParam()))) GTEST_SKIP() << "built without Catch2 v2";
  EXPECT_EQ(trace_program(scratch_, GetParam(), {"plain"}).program.status(), 23);
  EXPECT_EQ(trace_program(scratch_, GetParam(), {"clean"}).program.status(), 0);
  EXPECT_EQ(alone(GetParam(), {"plain"}).err, "");
}

INSTANTIATE_TEST_SUITE_P(Versions, Catch2Adapter,
                         testing::Values("live_listener_catch2", "live_listener_catch2_v2"));

}  // namespace
}  // namespace leakgate::live

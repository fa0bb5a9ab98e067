// SPDX-License-Identifier: Apache-2.0
// The preload backend beside the eBPF backend: equal results, and where it goes when nothing else may.
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <sstream>

#include "adapters/preload/shared_layout.h"
#include "tests/live/support/plain_user.h"
#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// The dynamic linker's table of a thread's thread-local storage is larger where there is one library more.
bool is_larger_by_the_library(const json& leak) {
  for (const json& frame : leak["stack"])
    if (frame["function"] == "allocate_dtv") return true;
  return false;
}

/// What must be equal: everything but times, pids, addresses and what the backends call themselves. Peaks are
/// exact in the kernel alone: the library's threads add up their counters now and then.
json facts(const json& result) {
  json facts;
  for (const json& leak : result["leaks"]) {
    json row = {{"test", leak["test"]},     {"kind", leak["kind"]},   {"verdict", leak["verdict"]},
                {"blocks", leak["blocks"]}, {"cycle", leak["cycle"]}, {"fingerprint", leak["fingerprint"]},
                {"type", leak["type"]}};
    if (!is_larger_by_the_library(leak)) row["bytes"] = leak["bytes"];
    for (const json& frame : leak["stack"])
      row["stack"].push_back(
          {frame["function"], frame["file"], frame["line"], frame["module"], frame["offset"]});
    row["hints"] = {leak["pattern"], leak.value("recommendation", "")};
    for (const json& frame : leak.value("freed_by", json::array()))
      row["freed_by"].push_back({frame["function"], frame["file"], frame["line"]});
    facts["leaks"].push_back(row);
  }
  // leaks of one size come in the order of their age, which is measured
  std::sort(facts["leaks"].begin(), facts["leaks"].end());
  const bool same_bytes =
      std::none_of(result["leaks"].begin(), result["leaks"].end(), is_larger_by_the_library);
  for (const json& test : result["tests"]) {
    facts["tests"].push_back({test["id"], test["outcome"], test["verdict"], test["allocations"]});
    if (same_bytes) facts["tests"].push_back({test["allocated_bytes"], test["peak_bytes"]});
  }
  facts["summary"] = result["summary"];
  facts["totals"] = {result["tracer"]["allocations"], result["tracer"]["frees"], result["run"]["complete"]};
  return facts;
}

class BothBackends : public Live, public testing::WithParamInterface<const char*> {};

TEST_P(BothBackends, GiveTheSameResult) {
  const auto run = [&](const char* backend) {
    return trace(scratch_, {.command = {program_path(GetParam())}, .options = {"--backend", backend}});
  };
  const Traced kernel = run("ebpf");
  const Traced library = run("preload");
  ASSERT_TRUE(kernel.result.is_object() && library.result.is_object())
      << kernel.program.err << library.program.err;
  EXPECT_EQ(kernel.result["tracer"]["backend"], "ebpf");
  EXPECT_EQ(library.result["tracer"]["backend"], "preload");
  EXPECT_EQ(kernel.program.status(), library.program.status());
  EXPECT_EQ(facts(kernel.result), facts(library.result))
      << json::diff(facts(kernel.result), facts(library.result)).dump(1);
}
INSTANTIATE_TEST_SUITE_P(Programs, BothBackends,
                         testing::Values("live_malloc_family", "live_catch2_mixed", "live_boost_mixed",
                                         "live_doctest_mixed", "live_longjmp", "live_throwing_new",
                                         "live_library_calls", "live_callers_O0", "live_callers_O2",
                                         "live_mix_jemalloc", "live_clean", "live_realloc_failed",
                                         "live_fork_child", "live_fork_serves", "live_aligned_names",
                                         "live_listener_catch2", "live_same_places_O0", "live_same_places_O2",
                                         "live_gtest_insight"));

class Preload : public testing::Test {
 protected:
  Scratch scratch_;
};

TEST_F(Preload, APlainUserUnderAFilterGetsTheVerdictThatRootGets) {
  const std::vector<std::string> command = {program_path("live_gtest_mixed")};
  std::filesystem::permissions(scratch_.path(), std::filesystem::perms::all);
  ProgramRequest nobody;
  nobody.before_exec = [] { become_plain_user(kNobody); };
  nobody.extra_environment = {"LEAKGATE_BACKEND=auto"};
  const Traced plain = trace(scratch_, {.command = command, .process = nobody});
  const Traced root = trace(scratch_, {.command = command, .options = {"--backend", "preload"}});
  ASSERT_TRUE(plain.result.is_object()) << plain.program.err;
  EXPECT_EQ(plain.program.status(), root.program.status()) << plain.program.err;
  EXPECT_EQ(plain.result["tracer"]["backend"], "preload");
  EXPECT_EQ(facts(plain.result), facts(root.result));
  EXPECT_THAT(plain.program.err, HasSubstr("traced by the preload backend, as eBPF is not allowed here"));
}

/// The file that the processes' ledgers are in is larger than any such limit.
TEST_F(Preload, ALimitOfFileSizesChangesNothing) {
  const auto run = [&](rlim_t bytes) {
    ProgramRequest limited;
    limited.before_exec = [bytes] {
      const rlimit limit{bytes, RLIM_INFINITY};
      setrlimit(RLIMIT_FSIZE, &limit);
    };
    return trace(scratch_, {.command = {program_path("live_gtest_mixed")},
                            .options = {"--backend", "preload"},
                            .process = limited});
  };
  const Traced limited = run(4 << 20), free = run(RLIM_INFINITY);
  ASSERT_TRUE(limited.result.is_object()) << limited.program.err;
  EXPECT_EQ(limited.program.status(), free.program.status()) << limited.program.err;
  EXPECT_EQ(facts(limited.result), facts(free.result));
}

using ChangedCode = Live;

/// A probe in a function that has become a jump would crash the program.
TEST_F(ChangedCode, IsNotProbedByAnotherRun) {
  const std::string program = program_path("live_gtest_mixed"), waits = scratch_ / "waits";
  const std::string test = program + " --gtest_filter=Outcome.PassesClean";
  const TraceRequest changed{
      .command = {"/bin/sh", "-c",
                  test + "; touch " + waits + "; while [ -e " + waits + " ]; do sleep 0.05; done; " + test},
      .options = {"--backend", "preload"}};
  const TraceRequest probed{.command = {program, "--gtest_filter=Outcome.PassesClean"},
                            .options = {"--backend", "ebpf"}};
  Program one(scratch_, {.argv = leakgate_arguments(changed, scratch_ / "one.json")});
  EXPECT_TRUE(wait_until(std::chrono::seconds(60), [&] { return std::filesystem::exists(waits); }));
  const Traced beside = trace(scratch_, probed);
  std::filesystem::remove(waits);
  const ProgramResult first = one.wait();
  EXPECT_EQ(first.status(), 0) << first.out << first.err;
  EXPECT_EQ(beside.program.status(), 125);
  EXPECT_THAT(beside.program.err, HasSubstr("another leakgate traces programs with this file"));
  EXPECT_THAT(beside.program.out, HasSubstr("[  PASSED  ] 1 test."));
  EXPECT_EQ(trace(scratch_, probed).program.status(), 0) << "once that run is over";
}

/// Processor time of the children that were waited for.
double children_s() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

using QuickerBackend = Live;

TEST_F(QuickerBackend, IsToldAfterMillionsOfAllocations) {
  const double before = children_s();
  const Traced traced = trace(scratch_, {.command = {program_path("live_allocation_loop"), "3000000"},
                                         .options = {"--backend", "ebpf"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  const double took = children_s() - before;
  if (took > 3) {  // natively it is a tenth of a second
    EXPECT_THAT(traced.program.err, HasSubstr("note: 3.0 million allocations: --backend preload would have "
                                              "saved about"));
  }
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
}

TEST_F(QuickerBackend, IsNotToldOfTheQuickerOneNorAfterFew) {
  for (const char* backend : {"ebpf", "preload"}) {
    const Traced traced =
        trace(scratch_, {.command = {program_path("live_allocation_loop"),
                                     std::string_view(backend) == "ebpf" ? "1000" : "3000000"},
                         .options = {"--backend", backend}});
    EXPECT_THAT(traced.program.err, Not(HasSubstr("would have saved"))) << backend;
  }
}

TEST_F(Preload, AnEnvironmentVariableChoosesTheBackend) {
  ProgramRequest process;
  process.extra_environment = {"LEAKGATE_BACKEND=preload"};
  const Traced traced = trace(scratch_, {.command = {program_path("live_clean")}, .process = process});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["tracer"]["backend"], "preload");
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
}

std::vector<std::string> causes_of(const Traced& traced) {
  std::vector<std::string> causes;
  for (const json& reason : traced.result["run"]["incomplete_reasons"])
    causes.push_back(reason["cause"]);
  return causes;
}

TEST_F(Preload, AStaticProgramIsNoPass) {
  const Traced traced = trace(
      scratch_, {.command = {program_path("live_c_glibc_static")}, .options = {"--backend", "preload"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.program.status(), 125);
  EXPECT_THAT(causes_of(traced), Contains("not_preloaded"));
}

TEST_F(Preload, AStaticProgramThatAnotherOneStartsIsNoPass) {
  const Traced traced =
      trace(scratch_, {.command = {"/bin/sh", "-c", program_path("live_static_child") + "; true"},
                       .options = {"--backend", "preload"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_THAT(causes_of(traced), Contains("not_preloaded"));
}

/// It could not have told of itself however long it lived.
TEST_F(Preload, AStaticProgramThatIsKilledIsNoPass) {
  const Traced traced = trace(
      scratch_, {.command = {"/bin/sh", "-c",
                             program_path("live_static_child") + " wait & sleep 0.3; kill -KILL $!; wait"},
                 .options = {"--backend", "preload"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_THAT(causes_of(traced), Contains("not_preloaded"));
}

/// However soon that is: it has not been killed before its libraries were loaded.
TEST_F(Preload, AStaticProgramThatAbortsIsNoPass) {
  for (const char* const ms : {"0", "1", "20", "100", "300", "700"}) {
    SCOPED_TRACE(ms);
    const std::vector<std::string> child{program_path("live_static_child"), "abort", ms};
    const std::vector<std::vector<std::string>> starters{
        {"/bin/sh", "-c", child[0] + " abort " + ms + "; true"},
        {"/usr/bin/env", "sh", "-c", "exec $0 abort " + child[2] + " & wait; true", child[0]},
        {program_path("live_spawns"), child[0], child[1], child[2]}};
    for (const auto& starter : starters) {
      const Traced traced = trace(scratch_, {.command = starter, .options = {"--backend", "preload"}});
      ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
      EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
      EXPECT_THAT(causes_of(traced), ElementsAre("not_preloaded"));
    }
  }
}

TEST_F(Preload, AProgramIsStartedByNoSystemCallThatItsFilterDoesNotKnow) {
  const Traced traced = trace(scratch_, {.command = {program_path("live_spawns"), program_path("live_clean")},
                                         .options = {"--backend", "preload"}});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
  EXPECT_EQ(traced.result["processes"].size(), 2u);
}

// Where the limit cannot be raised, descriptors are left for looking at processes, and their ends are seen
// later.
TEST_F(Preload, FewOpenFilesAreEnoughForManyChildren) {
  const Traced traced =
      trace(scratch_, {.command = {program_path("live_children_at_once")},
                       .options = {"--backend", "preload"},
                       .process = {.before_exec = [] {
                         const rlimit files{64, 64};
                         setrlimit(RLIMIT_NOFILE, &files);
                         prctl(PR_CAPBSET_DROP, 24 /* CAP_SYS_RESOURCE */);  // so that root, too, cannot
                       }}});
  expect_whole(traced);
  EXPECT_EQ(traced.result["processes"].size(), 301u);
  for (const json& leak : traced.result["leaks"])
    EXPECT_NE(leak["kind"], "unclassified") << leak.dump(1);
  EXPECT_THAT(leak_rows(traced), testing::SizeIs(300));
}

// The program has what it needs, and leakgate says what it has not.
TEST_F(Preload, ALimitOfMemoryIsSaidToBeOne) {
  const Traced traced = trace(scratch_, {.command = {program_path("live_many_blocks")},
                                         .options = {"--backend", "preload"},
                                         .process = {.before_exec = [] {
                                           const rlimit data{60'000'000, 60'000'000};
                                           setrlimit(RLIMIT_DATA, &data);
                                         }}});
  EXPECT_EQ(traced.program.status(), 125);
  EXPECT_THAT(traced.program.err, HasSubstr("not enough memory"));
  EXPECT_THAT(traced.program.err, HasSubstr("ulimit -d"));
}

/// As sandboxes do that are older than the system call.
void refuse_close_range() {
  std::array<sock_filter, 4> code = {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog program{code.size(), code.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    _exit(125);
}

TEST_F(Preload, ASandboxWithoutCloseRangeHoldsNothingUp) {
  const Traced traced = trace(
      scratch_, {.command = {program_path("live_exit_direct")},
                 .options = {"--backend", "preload"},
                 .process = {.before_exec = refuse_close_range, .time_limit = std::chrono::seconds(60)}});
  expect_whole(traced);
  EXPECT_EQ(traced.program.status(), 7) << traced.program.err;
}

TEST_F(Preload, AChildOfOneThatGaveUpItsUserIsNoPass) {
  const Traced traced =
      trace(scratch_, {.command = {program_path("live_drops_user")}, .options = {"--backend", "preload"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  if (geteuid() != 0) {  // there was nothing to give up
    EXPECT_EQ(traced.result["run"]["exit"], (json{{"code", 1}}));
    return;
  }
  EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["exit"], (json{{"code", 0}}));
  EXPECT_THAT(causes_of(traced), ElementsAre("not_permitted"));
}

/// By its number for itself another process would be held and looked at.
TEST_F(Preload, AProcessInAPidNamespaceOfItsOwnIsLeftAlone) {
  const Traced traced =
      trace(scratch_, {.command = {"unshare", "--pid", "--fork", program_path("live_killed_children")},
                       .options = {"--backend", "preload"}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  if (geteuid() != 0) {  // there is no namespace to be had
    EXPECT_EQ(traced.result["run"]["exit"], (json{{"code", 1}}));
    return;
  }
  EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["exit"], (json{{"code", 0}}));
  EXPECT_THAT(causes_of(traced), ElementsAre("not_numbered"));
  EXPECT_EQ(traced.result["processes"].size(), 1U) << traced.result["processes"].dump(1);
}

TEST_F(Preload, AProgramWithACleanedEnvironmentIsFollowed) {
  const Traced traced =
      trace(scratch_, {.command = {"/usr/bin/env", "-i", program_path("live_exit_direct")},
                       .options = {"--backend", "preload", kUnclassified[0], kUnclassified[1]}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_EQ(traced.result["run"]["complete"], true) << traced.program.err;
  EXPECT_THAT(leak_rows(traced),
              Contains(row(0, "live_exit_direct", "exit_direct.c", "malloc(160)", 1, 160)));
}

/// system() and popen() start a shell from inside the C library, where nobody completes the environment.
TEST_F(Preload, WhatIsStartedWithoutTheLibraryMakesTheRunIncomplete) {
  for (const char* const how : {"system", "popen"}) {
    const Traced traced = trace(scratch_, {.command = {program_path("live_starts_cleared"), how},
                                           .options = {"--backend", "preload"}});
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
    EXPECT_THAT(causes_of(traced), ElementsAre("not_preloaded"));
  }
}

TEST_F(Preload, ALibraryThatDoesNotSeeThePreloadedOneMakesTheRunIncomplete) {
  for (const char* const how : {"deep", "apart"}) {
    SCOPED_TRACE(how);
    const Traced traced = trace(
        scratch_, {.command = {program_path("live_loads_apart"), how}, .options = {"--backend", "preload"}});
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
    EXPECT_EQ(traced.result["run"]["exit"], (json{{"code", 0}}));
    EXPECT_THAT(causes_of(traced), ElementsAre("loaded_apart"));
  }
  const Traced asks = trace(
      scratch_, {.command = {program_path("live_loads_apart"), "no"}, .options = {"--backend", "preload"}});
  expect_whole(asks);
  EXPECT_EQ(asks.program.status(), 0) << asks.program.err;
}

/// A program that maps a file again where it was in an earlier run finds that place free (LMDB does).
TEST_F(Preload, TheLedgerIsFarFromWhatTheProgramMaps) {
  const Traced traced =
      trace(scratch_, {.command = {"cat", "/proc/self/maps"}, .options = {"--backend", "preload"}});
  std::istringstream maps(traced.program.out);
  int parts = 0;
  for (std::string line; std::getline(maps, line);)
    if (line.find("leakgate-ledger") != std::string::npos) {
      ++parts;
      EXPECT_THAT(line, testing::StartsWith("30")) << "a 47-bit address is written with 12 digits";
    }
  EXPECT_GE(parts, 2);
}

/// As after half an update: what the two wrote down for each other would be misread.
TEST_F(Preload, ALibraryOfAnotherBuildMakesTheRunIncomplete) {
  namespace fs = std::filesystem;
  const fs::path built =
      fs::path(leakgate_path()).parent_path() / "../adapters/preload/libleakgate_preload.so";
  std::string library = read_file(built);
  const std::string layout(reinterpret_cast<const char*>(&preload::kLayout), sizeof preload::kLayout);
  const auto at = library.find(layout);
  ASSERT_NE(at, std::string::npos);
  library[at] = static_cast<char>(library[at] + 1);
  std::ofstream(scratch_ / "libleakgate_preload.so", std::ios::binary) << library;
  fs::copy_file(leakgate_path(), scratch_ / "leakgate");
  const auto json_file = scratch_ / "result.json";
  const ProgramResult run =
      run_program(scratch_, {.argv = {scratch_ / "leakgate", "run", "--backend", "preload", "--json",
                                      json_file, "--", program_path("live_clean")}});
  EXPECT_EQ(run.status(), 125) << run.err;
  const auto result = json::parse(read_file(json_file));
  EXPECT_EQ(result["run"]["exit"], (json{{"code", 0}}));
  EXPECT_THAT(result["run"]["incomplete_reasons"].dump(), testing::HasSubstr("not_preloaded"));
}

/// Whoever comes second must not end the process while it is looked at.
TEST_F(Preload, AProcessThatTwoThreadsEndIsJudgedOnce) {
  for (int round = 0; round < 4; ++round)
    for (const char* const later : {"0", "300", "2000", "handler"}) {
      SCOPED_TRACE(later);
      const Traced traced = trace(scratch_, {.command = {program_path("live_ends_twice"), later},
                                             .options = {"--backend", "preload"}});
      expect_whole(traced);
      EXPECT_EQ(traced.program.status(), 0) << traced.program.err;
      EXPECT_THAT(traced.result["tracer"]["notes"], testing::IsEmpty());
    }
}

TEST_F(Preload, WhatAProgramThatAbortsLeavesIsClassified) {
  const auto kinds = [&](const char* backend) {
    const Traced traced =
        trace(scratch_, {.command = {program_path("live_aborts")}, .options = {"--backend", backend}});
    EXPECT_EQ(traced.program.status(), 128 + SIGABRT) << traced.program.err;
    std::vector<std::string> found;
    for (const json& leak : traced.result["leaks"])
      found.push_back(leak["kind"]);
    return found;
  };
  const std::vector<std::string> ours = kinds("preload");
  EXPECT_THAT(ours, ElementsAre(Not("unclassified")));
  // kernels before 6.16 have given the memory up when eBPF is told
  if (const auto theirs = kinds("ebpf"); theirs != std::vector<std::string>{"unclassified"}) {
    EXPECT_EQ(ours, theirs);
  }
}

TEST_F(Preload, ASanitizerIsRefusedBeforeTheProgramRuns) {
  const Traced traced = trace(
      scratch_, {.command = {program_path("live_sanitized_address")}, .options = {"--backend", "preload"}});
  EXPECT_EQ(traced.program.status(), 125);
  EXPECT_THAT(traced.program.err, HasSubstr("sanitizer"));
  EXPECT_EQ(traced.program.out, "");
}

// Its runtime may end it at once, which who started it need not mind.
TEST_F(Preload, ASanitizerInAProgramThatIsStartedIsNoPass) {
  for (const char* const sanitizer : {"address", "thread"}) {
    SCOPED_TRACE(sanitizer);
    const std::string program = program_path(std::string("live_sanitized_") + sanitizer);
    const Traced traced = trace(
        scratch_, {.command = {"/bin/sh", "-c", program + "; true"}, .options = {"--backend", "preload"}});
    ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
    EXPECT_EQ(traced.program.status(), 125) << traced.program.err;
    EXPECT_THAT(causes_of(traced), Contains("sanitized"));
  }
}

// Valgrind minds each byte of what is mapped, and the ledger has 34 GiB of them: it is left alone.
TEST_F(Preload, AProgramUnderValgrindRunsAsItDoesAlone) {
  if (access("/usr/bin/valgrind", X_OK) != 0) GTEST_SKIP() << "valgrind is not installed";
  const Traced traced =
      trace(scratch_,
            {.command = {"/usr/bin/valgrind", "-q", "--leak-check=full", program_path("live_exit_direct")},
             .options = {"--backend", "preload", "--output", scratch_ / "report"},
             .process = {.time_limit = std::chrono::seconds(60)}});
  ASSERT_TRUE(traced.result.is_object()) << traced.program.err;
  EXPECT_THAT(traced.program.err, HasSubstr("exit_direct.c"));  // Valgrind's own report
  EXPECT_THAT(causes_of(traced), Contains("not_preloaded"));
}

}  // namespace
}  // namespace leakgate::live

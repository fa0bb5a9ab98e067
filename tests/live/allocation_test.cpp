// SPDX-License-Identifier: Apache-2.0
// The malloc family, its failures and its corner cases: exact blocks and bytes at exact lines.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/live/support/traced.h"

namespace leakgate::live {
namespace {

[[maybe_unused]] const bool kTraces = trace_unclassified();

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Allocation : public Live {
 protected:
  /// Traces a program that ends with status 0 by itself.
  Traced run(std::string_view name, std::vector<std::string> arguments = {}) {
    Traced traced = trace_program(scratch_, name, std::move(arguments));
    expect_whole(traced);
    EXPECT_EQ(traced.program.status(), leak_rows(traced).empty() ? 0 : 23) << traced.program.err;
    EXPECT_EQ(traced.result["run"]["exit"], (nlohmann::json{{"code", 0}}));
    return traced;
  }
};

TEST_F(Allocation, EveryFunctionOfTheFamilyIsSeenOnce) {
  const Traced traced = run("live_malloc_family");
  const auto at = [](std::string_view text, std::uint64_t bytes) {
    return row(0, "live_malloc_family", "malloc_family.c", text, 1, bytes);
  };
  EXPECT_THAT(leak_rows(traced),
              UnorderedElementsAre(
                  at("live_keep(malloc(11))", 11), at("live_keep(calloc(3, 7))", 21),
                  at("live_keep(realloc(NULL, 33))", 33), at("realloc(grown, 55)", 55),
                  at("live_keep(reallocarray(NULL, 5, 13))", 65),
                  at("live_keep(aligned_alloc(64, 128))", 128), at("posix_memalign(&aligned, 32, 77)", 77),
                  at("live_keep(memalign(16, 88))", 88), at("live_keep(valloc(99))", 99),
                  at("live_keep(pvalloc(100))", 100), at("reallocarray(table, 598, 8)", 4784)));
}

TEST_F(Allocation, ReallocToZeroFrees) {
  EXPECT_THAT(leak_rows(run("live_realloc_zero")),
              UnorderedElementsAre(
                  row(0, "live_realloc_zero", "realloc_zero.c", "realloc(NULL, live_opaque(0))", 1, 0)));
}

TEST_F(Allocation, FailedReallocKeepsTheOldBlock) {
  EXPECT_THAT(leak_rows(run("live_realloc_failed")),
              UnorderedElementsAre(row(0, "live_realloc_failed", "realloc_failed.c", "malloc(60)", 1, 60)));
}

TEST_F(Allocation, FailedAlignedAllocationsLeaveNothing) {
  EXPECT_THAT(leak_rows(run("live_aligned_failed")),
              UnorderedElementsAre(row(0, "live_aligned_failed", "aligned_failed.c",
                                       "posix_memalign(&block, 64, 64)", 1, 64)));
}

TEST_F(Allocation, OverflowingProductsLeaveNothing) {
  EXPECT_THAT(leak_rows(run("live_calloc_overflow")),
              UnorderedElementsAre(row(0, "live_calloc_overflow", "calloc_overflow.c", "malloc(70)", 1, 70),
                                   row(0, "live_calloc_overflow", "calloc_overflow.c", "malloc(71)", 1, 71)));
}

TEST_F(Allocation, BlocksOfNoBytesAreBlocks) {
  const auto at = [](std::string_view text) {
    return row(0, "live_malloc_zero", "malloc_zero.c", text, 1, 0);
  };
  EXPECT_THAT(leak_rows(run("live_malloc_zero")),
              UnorderedElementsAre(at("live_keep(malloc("), at("calloc(live_opaque(0), 8)"),
                                   at("calloc(8, live_opaque(0))")));
}

TEST_F(Allocation, FreeOfNullIsNothing) {
  const Traced traced = run("live_free_null");
  EXPECT_THAT(leak_rows(traced),
              UnorderedElementsAre(row(0, "live_free_null", "free_null.c", "malloc(80)", 1, 80)));
  EXPECT_EQ(traced.result["tracer"]["frees"], 0);
}

TEST_F(Allocation, CleanProgramPasses) {
  const Traced traced = run("live_clean");
  EXPECT_THAT(leak_rows(traced), IsEmpty());
  EXPECT_EQ(traced.result["tracer"]["allocations"], 1000);
  EXPECT_EQ(traced.result["tracer"]["frees"], 1000);
  EXPECT_THAT(test_outcomes(traced), UnorderedElementsAre("live_clean passed clean"));
}

TEST_F(Allocation, ExceptionsPassThroughEveryProbedFunction) {
  EXPECT_THAT(
      leak_rows(run("live_throwing_new")),
      UnorderedElementsAre(row(0, "live_throwing_new", "throwing_new.cpp", "::operator new(140)", 1, 140)));
}

TEST_F(Allocation, LongjmpOverFramesLosesNothingOfOurs) {
  EXPECT_THAT(leak_rows(run("live_longjmp")),
              UnorderedElementsAre(row(0, "live_longjmp", "longjmp.c", "malloc(150)", 1, 150),
                                   row(0, "live_longjmp", "longjmp.c", "malloc(151)", 1, 151)));
}

TEST_F(Allocation, BacktraceInsideTheTargetSeesItsOwnFrames) {
  const Traced traced = run("live_backtrace_inside");
  EXPECT_EQ(traced.program.out, "frames ok\n");
  // backtrace() loads libgcc_s, which the runtime keeps.
  EXPECT_THAT(leak_rows(traced), UnorderedElementsAre(row(0, "live_backtrace_inside", "backtrace_inside.c",
                                                          "malloc(210)", 1, 210)));
}

/// What allocates for its caller counts for its caller; what a library keeps for itself does not.
TEST_F(Allocation, LibraryFunctionsAllocateThroughTheFamily) {
  const Traced traced = run("live_library_calls");
  const auto at = [](std::string_view text, std::uint64_t blocks, std::uint64_t bytes) {
    return row(0, "live_library_calls", "library_calls.cpp", text, blocks, bytes);
  };
  auto rows = leak_rows(traced);
  // the size of a FILE is glibc's affair
  const auto file = std::find_if(rows.begin(), rows.end(), [&](const std::string& line) {
    return line.starts_with(at("std::fopen(", 1, 1).substr(0, at("std::fopen(", 1, 1).rfind(' ')));
  });
  ASSERT_NE(file, rows.end());
  EXPECT_TRUE(file->find(" 1/") != std::string::npos) << *file;
  rows.erase(file);
  EXPECT_THAT(
      rows, UnorderedElementsAre(at("strdup(\"five!\")", 1, 6), at("strndup(", 1, 4), at("asprintf(", 1, 10),
                                 at("getline(", 1, 120), at("new std::string(100, 'x')", 2, 133)));
}

TEST_F(Allocation, LibrariesThatAreGoneStillHaveLines) {
  EXPECT_THAT(leak_rows(run("live_dlopen")),
              UnorderedElementsAre(row(0, "live_dlopen", "plugin.cpp", "std::malloc(220)", 3, 660),
                                   row(0, "live_dlopen", "plugin.cpp", "std::malloc(221)", 3, 663)));
}

}  // namespace
}  // namespace leakgate::live
